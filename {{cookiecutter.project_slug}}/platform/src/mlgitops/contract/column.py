"""One column of the table, as declared in contract.yaml."""

from datetime import date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ..common.document import Section

Type = Literal["number", "integer", "boolean", "category", "datetime", "date", "text"]
Part = Literal["days", "month", "day", "weekday", "hour"]
MAX_MAGNITUDE = {"number": 3.4e38, "integer": 2.0**53 - 1}  # the range of float32; the exact integers of JSON
MISSING = ""  # stands for a missing category in the model's input


def _label(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not text: put it in quotes")
    if value == MISSING:
        raise ValueError("an empty string means a missing value: remove it and set missing: true")
    return str(value)


def _timestamp(value: object) -> object:
    return datetime.combine(value, time()) if isinstance(value, date) and not isinstance(value, datetime) else value


Bound = Annotated[float | datetime, BeforeValidator(_timestamp)]


class Column(Section):
    """One column of the table."""

    type: Type = Field(
        description="Type of the values. `text` is for keys, ignored columns, and inputs of features.py."
    )
    description: str = Field(
        "", description="What the column means, with its unit; shown in the service's documentation."
    )
    missing: bool | Annotated[float, Field(gt=0, le=1)] = Field(
        False, description="Whether values may be missing: false, true, or the largest share of rows (0.2 is 20 %)."
    )
    na_values: tuple[str, ...] = Field(
        (), description="Strings that mean a missing value, besides NA, null and the like."
    )
    min: Bound | None = Field(None, description="Smallest allowed number, or earliest allowed time.")
    max: Bound | None = Field(None, description="Largest allowed number, or latest allowed time.")
    categories: tuple[Annotated[str, BeforeValidator(_label, json_schema_input_type=str | int)], ...] | None = Field(
        None, min_length=1, description="Allowed values of a category. Without this list, new values are accepted."
    )
    format: str | None = Field(
        None, description="Format of dates that are not written as 2013-12-31, such as %d/%m/%Y."
    )
    parts: tuple[Part, ...] | None = Field(None, description="Parts of a date or time that are features of the model.")
    ignore: str | None = Field(None, min_length=1, description="Leaves the column out; the value is the reason.")
    feature: bool = Field(
        True, description="With false, functions in features.py read the column, and it is not a feature itself."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for bound in (self.min, self.max):
            if bound is not None and isinstance(bound, datetime) != (self.type in ("datetime", "date")):
                raise ValueError(f"min and max of a {self.type} column: {bound!r} does not fit the type")
            if bound is not None and self.type not in ("number", "integer", "datetime", "date"):
                raise ValueError(f"min and max do not apply to type {self.type}")
        if self.min is not None and self.max is not None and not self.min <= self.max:  # type: ignore[operator]  # same type by the check above
            raise ValueError(f"min {self.min} is larger than max {self.max}")
        if self.categories is not None and self.type != "category":
            raise ValueError(f"categories apply to type category, not {self.type}")
        if self.categories is not None and len(set(self.categories)) < len(self.categories):
            raise ValueError("categories contains a value twice")
        if self.parts is not None and self.type not in ("datetime", "date"):
            raise ValueError(f"parts apply to types datetime and date, not {self.type}")
        if self.format is not None and self.type not in ("datetime", "date"):
            raise ValueError(f"format applies to types datetime and date, not {self.type}")
        if not self.feature and (self.ignore or self.parts):
            raise ValueError("feature: false cannot be combined with ignore or parts")
        if self.type == "date" and "hour" in (self.parts or ()):
            raise ValueError("a date has no hour: use type datetime")
        return self
