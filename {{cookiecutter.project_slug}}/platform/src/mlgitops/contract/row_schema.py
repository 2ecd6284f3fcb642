"""The contract for callers of the service: the model of a request row, and its JSON schema."""

import math
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from . import zones
from .as_delivered import as_delivered
from .column import MAX_MAGNITUDE, Column
from .contract import Contract
from .strings import any_string, one_of

DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
ZONE = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
TIME_RANGE = (datetime(1678, 1, 1), datetime(2261, 12, 31))  # the years that datetime64[ns] covers in full
KEY = "identifies the row; not read by the model, and stored only as a hash, in the prediction log"
PATTERNS = {"date": f"^{DATE}$", "datetime": rf"^{DATE}([T ]{CLOCK}{ZONE})?$"}


class _Untitled(GenerateJsonSchema):
    """Omits titles, which would only repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: the name of the field is enough."""
        return False


def request_model(contract: Contract, extra: Literal["forbid", "ignore"] = "forbid") -> Any:
    """Return the type of one row for `pydantic.TypeAdapter`, with strict types, ranges and categories.

    Columns that may be missing, and keys, may be null or absent; *extra* columns are refused or ignored. Times become
    naive datetimes in the zone of the column.
    """
    keys = {name: _key(column, contract.decimal) for name, column in contract.request_keys.items()}
    fields = {name: _field(column, contract.decimal) for name, column in contract.inputs.items()} | keys
    make: Any = TypedDict  # type checkers do not accept a TypedDict built at run time
    row = make("Row", fields)
    row.__pydantic_config__ = ConfigDict(extra=extra, strict=True, allow_inf_nan=False)
    return row


def _field(column: Column, decimal: str) -> Any:
    kind = as_delivered(_type(column) | None if column.missing else _type(column), column, decimal)
    described: Any = Annotated[kind, Field(description=_description(column))]
    return NotRequired[described] if column.missing else described


def _key(column: Column, decimal: str) -> Any:
    kind = as_delivered(_type(column) | None, column, decimal)
    return NotRequired[Annotated[kind, Field(description="; ".join(filter(None, [column.description, KEY])))]]


def _description(column: Column) -> str | None:
    """Return the description, with the zone and the range of a time, which JSON schema cannot express."""
    bounds = [f"{word} {bound}" for word, bound in zip(("from", "to"), _times(column), strict=True) if bound]
    zone = f"in {column.time_zone}, or with a zone" if column.time_zone else "without a time zone"
    zone = zone if column.type == "datetime" else ""
    return "; ".join(filter(None, [column.description, zone, " ".join(bounds)])) or None


def _type(column: Column) -> Any:
    if column.categories:
        return one_of(column.categories, column.normalize)
    if column.type == "boolean":
        return bool
    if column.type in ("datetime", "date"):
        return _time(column)
    if column.type in ("number", "integer"):
        return _number(column)
    return any_string(column.normalize, column.max_chars)


def _number(column: Column) -> Any:
    low, high = limits(column)
    number = Annotated[float, Field(ge=low, le=high)]
    if column.type == "number":
        return number
    bounds = {"minimum": math.ceil(low), "maximum": math.floor(high)}
    return Annotated[number, AfterValidator(_whole), WithJsonSchema({"type": "integer", **bounds})]


def limits(column: Column) -> tuple[float, float]:
    """Return the smallest and the largest number that a request may hold."""
    largest = MAX_MAGNITUDE[column.type]
    low = column.min if isinstance(column.min, float) else -largest
    high = column.max if isinstance(column.max, float) else largest
    return max(low, -largest), min(high, largest)


def _whole(number: float) -> float:
    if not number.is_integer():  # 55.0 counts as whole: JSON allows it, and tables with missing values store it so
        raise PydanticCustomError("whole_number", "Input should be a whole number")
    return number


def _time(column: Column) -> Any:
    low, high = time_limits(column)
    parse = date.fromisoformat if column.type == "date" else partial(_timestamp, zone=column.time_zone)
    pattern = PATTERNS[column.type]
    schema: dict[str, Any] = {"type": "string", "pattern": pattern if column.time_zone else pattern.replace(ZONE, "")}
    if column.type == "date":
        schema["format"] = "date"  # not date-time, which requires a time zone
    check = AfterValidator(partial(_within, parse=parse, low=low, high=high))
    return Annotated[str, Field(pattern=pattern), check, WithJsonSchema(schema)]


def time_limits(column: Column) -> tuple[date, date]:
    """Return the earliest and the latest time, or date, that a request may hold."""
    low, high = (
        bound or (default.date() if column.type == "date" else default)
        for bound, default in zip(_times(column), TIME_RANGE, strict=True)
    )
    return low, high


def _times(column: Column) -> tuple[date | None, date | None]:
    """Return the earliest and the latest time, or date, that the contract allows."""
    low, high = (bound if isinstance(bound, datetime) else None for bound in (column.min, column.max))
    return (low and low.date(), high and high.date()) if column.type == "date" else (low, high)


def _timestamp(text: str, zone: str | None) -> datetime | None:
    return zones.local(datetime.fromisoformat(text), zone)


def _within(text: str, parse: Callable[[str], Any], low: date, high: date) -> Any:
    try:
        timestamp = parse(text)
    except (ValueError, OverflowError):
        raise PydanticCustomError("time", "Input should be an existing date or time") from None
    if timestamp is None:
        raise PydanticCustomError("zone", zones.REFUSED)
    if timestamp < low:
        raise PydanticCustomError("time", "Input should not be before {low}", {"low": low.isoformat()})
    if timestamp > high:
        raise PydanticCustomError("time", "Input should not be after {high}", {"high": high.isoformat()})
    return timestamp


def json_schema(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of one row."""
    schema = TypeAdapter(request_model(contract)).json_schema(schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
