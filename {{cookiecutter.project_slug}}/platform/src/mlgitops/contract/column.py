"""One column of the table, as declared in contract.yaml."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..common.document import Section
from . import zones
from .as_written import MISSING as MISSING
from .as_written import Bound, Label, Word, Zone
from .strings import MAX_CHARS, MAX_TEXT_CHARS, Step, normalized

Type = Literal["number", "integer", "boolean", "category", "datetime", "date", "text"]
Part = Literal["days", "month", "day", "weekday", "hour"]
NUMERIC, TEMPORAL, WORDS = ("number", "integer"), ("datetime", "date"), ("category", "text")  # groups of types
NA_VALUES = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>")  # as in pandas
UNIX = {"unix_s": 1e3, "unix_ms": 1.0, "unix_us": 1e-3, "unix_ns": 1e-6}  # formats of numbers -> milliseconds in one
MAX_MAGNITUDE = {"number": 3.4e38, "integer": 2.0**53 - 1}  # the range of float32; the exact integers of JSON


class Column(Section):
    """One column of the table."""

    type: Type = Field(
        description="Type of the values. `text` is for keys, ignored columns, inputs of features.py, and free text "
        "whose `words` are features."
    )
    description: str = Field(
        "", description="What the column means, with its unit; shown in the service's documentation."
    )
    missing: bool | Annotated[float, Field(gt=0, le=1)] = Field(
        False, description="Whether values may be missing: false, true, or the largest share of rows (0.2 is 20 %)."
    )
    na_values: tuple[Word, ...] | None = Field(
        None,
        description=f"Values that mean a missing one. By default, and always among numbers and dates: "
        f"{', '.join(NA_VALUES)}. In a category or text, a list replaces these: with `[]`, only empty ones are.",
    )
    unit: str | None = Field(
        None,
        min_length=1,
        description="What stands before or after each number, such as EUR, kg or min; a number without it is accepted.",
    )
    multipliers: Mapping[str, Annotated[float, Field(gt=0)]] | None = Field(
        None, min_length=1, description="Letters after a number that multiply it: {k: 1000, M: 1000000} reads 1.2M."
    )
    below_detection: Literal["half", "limit", "zero", "missing"] | None = Field(
        None, description="What `<5` is read as: half of 5, the limit 5, zero, or a missing value."
    )
    above_detection: Literal["limit", "missing"] | None = Field(
        None, description="What `>5` and `5+` are read as: the limit 5, or a missing value."
    )
    min: Bound | None = Field(None, description="Smallest allowed number, or earliest allowed time.")
    max: Bound | None = Field(None, description="Largest allowed number, or latest allowed time.")
    categories: tuple[Label, ...] | None = Field(
        None, min_length=1, description="Allowed values of a category. Without this list, new values are accepted."
    )
    words: Annotated[int, Field(ge=1, le=2000)] | None = Field(
        None,
        description="Makes a text a feature: the model sees whether it has each of that many words and pairs of words, "
        "those that tell most about the target. Such a text may have 10,000 characters.",
    )
    join: tuple[str, ...] | None = Field(
        None,
        min_length=2,
        max_length=6,
        description="Columns that hold the parts of this time: year, month, and perhaps day, hour, minute, second. The "
        "table and requests have these columns instead, so that this one only orders the rows.",
    )
    normalize: tuple[Step, ...] = Field(
        ("trim",),
        description="For a category or text: `trim` removes blanks around strings, `lower` makes them lower case.",
    )
    format: str | None = Field(
        None,
        min_length=2,
        description="Format of dates that are not written as 2013-12-31, such as %d/%m/%Y (%Z is a zone by name), or "
        "`unix_s`, `unix_ms`, `unix_us`, `unix_ns`: numbers of seconds, milli-, micro- or nanoseconds since 1970. "
        "Dates as in ISO 8601 are read as well.",
    )
    zone: Zone | None = Field(
        None,
        description="Zone of the times, such as UTC or Europe/Vienna: a time with another zone is converted to it, and "
        "one without is in it. By default, a time that has a zone is refused; with %z or %Z in `format`, it is UTC.",
    )
    parts: tuple[Part, ...] | None = Field(None, description="Parts of a date or time that are features of the model.")
    ignore: str | None = Field(None, min_length=1, description="Leaves the column out; the value is the reason.")
    feature: bool = Field(
        True, description="With false, functions in features.py read the column, and it is not a feature itself."
    )

    @property
    def missing_words(self) -> frozenset[str]:
        """The strings that mean a missing value; a listed category never does."""
        usual = NA_VALUES if self.na_values is None or self.type not in WORDS else ()
        return frozenset((*usual, *(self.na_values or ()))) - frozenset(self.categories or ())

    @property
    def max_chars(self) -> int:
        """The largest number of characters of a string."""
        return MAX_TEXT_CHARS if self.words else MAX_CHARS

    @property
    def time_zone(self) -> str | None:
        """The zone in which times are kept, None if they have none; a date has none to convert."""
        named = self.format is not None and ("%z" in self.format or "%Z" in self.format)
        return self.zone or (zones.UTC_NAME if named or self.type == "date" else None)

    @property
    def spelled(self) -> bool:
        """Whether cells hold more than plain values: the service then reads strings as the table's reader does."""
        return bool(
            self.na_values
            or self.unit
            or self.multipliers
            or self.below_detection
            or self.above_detection
            or (self.format and self.type in TEMPORAL)
        )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for key in ("unit", "multipliers", "below_detection", "above_detection"):
            if getattr(self, key) is not None and self.type not in NUMERIC:
                raise ValueError(f"{key} applies to types number and integer, not {self.type}")
        for key in ("format", "join"):
            if getattr(self, key) is not None and self.type not in TEMPORAL:
                raise ValueError(f"{key} applies to types datetime and date, not {self.type}")
        if self.words is not None and (self.type != "text" or self.ignore or not self.feature):
            raise ValueError("words applies to type text, without ignore and feature: false")
        if "lower" in self.normalize and self.type not in WORDS:
            raise ValueError(f"normalize applies to types category and text, not {self.type}")
        if self.zone is not None and self.type != "datetime":
            raise ValueError(f"zone applies to type datetime, not {self.type}")
        if self.join and (self.format or self.parts or not self.feature):
            raise ValueError("join cannot be combined with format, parts or feature: false")
        if self.format is not None and self.format not in UNIX and "%" not in self.format:
            raise ValueError(f"format {self.format!r}: use directives such as %d/%m/%Y, or {' or '.join(UNIX)}")
        return self

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
        if odd := [value for value in self.categories or () if value != normalized(value, self.normalize)]:
            raise ValueError(f"categories: normalize changes {odd[0]!r} to {normalized(odd[0], self.normalize)!r}")
        if self.categories is not None and len(set(self.categories)) < len(self.categories):
            raise ValueError("categories contains a value twice")
        if self.parts is not None and self.type not in ("datetime", "date"):
            raise ValueError(f"parts apply to types datetime and date, not {self.type}")
        if not self.feature and (self.ignore or self.parts):
            raise ValueError("feature: false cannot be combined with ignore or parts")
        if self.type == "date" and "hour" in (self.parts or ()):
            raise ValueError("a date has no hour: use type datetime")
        return self
