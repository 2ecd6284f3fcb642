"""What the contract means for callers: the model of a request, and its JSON schema."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from .column import LARGEST, Column
from .contract import Contract

LONGEST = 1000  # letters of a category
DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
TIMES = (datetime(1678, 1, 1), datetime(2261, 12, 31))  # a table holds no others
PATTERNS = {"date": f"^{DAY}$", "datetime": rf"^{DAY}([T ]{CLOCK}(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?$"}


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat a name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: the name says it."""
        return False


def request_model(contract: Contract, extra: Literal["forbid", "ignore"] = "forbid") -> Any:
    """Return the type of one row, for `pydantic.TypeAdapter`: strict types, ranges and values; what to do with *extra*.

    Columns that may be missing may be null or absent. Times become naive datetimes, those with a zone in UTC.
    """
    fields = {name: _field(column) for name, column in contract.inputs.items()}
    make: Any = TypedDict  # made from values, which type checkers do not follow
    row = make("Row", fields)
    row.__pydantic_config__ = ConfigDict(extra=extra, strict=True, allow_inf_nan=False)
    return row


def _field(column: Column) -> Any:
    kind = _type(column)
    described: Any = Annotated[kind | None if column.missing else kind, Field(description=_description(column))]
    return NotRequired[described] if column.missing else described


def _description(column: Column) -> str | None:
    """What the column means; with the range of a time, for which JSON schema has no word."""
    bounds = [f"{word} {bound}" for word, bound in zip(("from", "to"), _times(column), strict=True) if bound]
    return "; ".join(filter(None, [column.description, " ".join(bounds)])) or None


def _type(column: Column) -> Any:
    if column.categories:
        return Literal[column.categories]
    if column.type == "boolean":
        return bool
    if column.type in ("datetime", "date"):
        return _time(column)
    if column.type in ("number", "integer"):
        return _number(column)
    return Annotated[str, Field(min_length=1, max_length=LONGEST)]


def _number(column: Column) -> Any:
    low, high = limits(column)
    number = Annotated[float, Field(ge=low, le=high)]
    if column.type == "number":
        return number
    bounds = {"minimum": math.ceil(low), "maximum": math.floor(high)}
    return Annotated[number, AfterValidator(_whole), WithJsonSchema({"type": "integer", **bounds})]


def limits(column: Column) -> tuple[float, float]:
    """Return the smallest and the largest number that a request may hold."""
    largest = LARGEST[column.type]
    low = column.min if isinstance(column.min, float) else -largest
    high = column.max if isinstance(column.max, float) else largest
    return max(low, -largest), min(high, largest)


def _whole(number: float) -> float:
    if not number.is_integer():  # 55.0 is whole in JSON, as it is in a table with an empty cell in the column
        raise PydanticCustomError("whole_number", "Input should be a whole number")
    return number


def _time(column: Column) -> Any:
    low, high = (
        bound or (usual.date() if column.type == "date" else usual)
        for bound, usual in zip(_times(column), TIMES, strict=True)
    )
    read = date.fromisoformat if column.type == "date" else _moment
    pattern = PATTERNS[column.type]
    schema: dict[str, Any] = {"type": "string", "pattern": pattern}
    if column.type == "date":
        schema["format"] = "date"  # date-time would not fit: it demands a zone
    check = AfterValidator(partial(_within, read=read, low=low, high=high))
    return Annotated[str, Field(pattern=pattern), check, WithJsonSchema(schema)]


def _times(column: Column) -> tuple[date | None, date | None]:
    """The earliest and the latest time, or day, that the contract allows."""
    low, high = (bound if isinstance(bound, datetime) else None for bound in (column.min, column.max))
    return (low and low.date(), high and high.date()) if column.type == "date" else (low, high)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _within(text: str, read: Callable[[str], Any], low: date, high: date) -> Any:
    try:
        moment = read(text)
    except (ValueError, OverflowError):
        raise PydanticCustomError("time", "Input should be a time that exists") from None
    if moment < low:
        raise PydanticCustomError("time", "Input should not be before {low}", {"low": low.isoformat()})
    if moment > high:
        raise PydanticCustomError("time", "Input should not be after {high}", {"high": high.isoformat()})
    return moment


def json_schema(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of one row."""
    schema = TypeAdapter(request_model(contract)).json_schema(schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
