"""Lets a request hold a value as the table spells it: 1,672.10 EUR, 31.12.2013, or a word that means missing."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, WithJsonSchema

from . import spelling
from .column import NUMERIC, TEMPORAL, UNIX, Column


def as_delivered(kind: Any, column: Column, decimal: str) -> Any:
    """Return *kind*, the type of a field, which then also takes what the contract says of the column's spelling.

    The value is read as `data.casting` reads it, so that a request and a row of the table get the same answer.
    """
    if not column.spelled:
        return kind
    read = _number(column, decimal) if column.type in NUMERIC else _time(column) if column.type in TEMPORAL else _word
    words = column.missing_words if column.missing else frozenset[str]()
    schema = TypeAdapter(kind | Annotated[Any, WithJsonSchema(_schema(column))]).json_schema()
    return Annotated[kind, BeforeValidator(lambda value: read(value, words)), WithJsonSchema(schema)]


def _word(value: Any, missing: frozenset[str]) -> Any:
    return None if isinstance(value, str) and value.strip() in missing else value


def _number(column: Column, decimal: str) -> Callable[[Any, frozenset[str]], Any]:
    units = column.unit or column.multipliers or column.below_detection or column.above_detection
    sentinels = numbers(column, decimal)

    def read(value: Any, missing: frozenset[str]) -> Any:
        if isinstance(value, str):
            if value.strip() in missing:
                return None
            number = spelling.number(value, column, decimal) if units else None
            value = value if number is None else None if math.isnan(number) else number
        return None if isinstance(value, int | float) and not isinstance(value, bool) and value in sentinels else value

    return read


def _time(column: Column) -> Callable[[Any, frozenset[str]], Any]:
    sentinels = times(column)

    def read(value: Any, missing: frozenset[str]) -> Any:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(value, str) and not (numeric and column.format in UNIX):
            return value
        if str(value).strip() in missing:
            return None
        moment = spelling.formatted(str(value), column.format, column.time_zone) if column.format else None
        if moment is None:  # of ISO 8601, the field's own type takes what it can
            missing_time = sentinels and spelling.formatted(str(value), None, column.time_zone) in sentinels
            return None if missing_time else value
        if moment in sentinels:
            return None
        return moment.date().isoformat() if column.type == "date" else moment.isoformat()

    return read


def numbers(column: Column, decimal: str) -> frozenset[float]:
    """Return the numbers that mean a missing value, such as -999."""
    values = (spelling.number(word, column, decimal) for word in column.na_values or ())
    return frozenset(value for value in values if value is not None)


def times(column: Column) -> frozenset[datetime]:
    """Return the times that mean a missing value, such as 9999-12-31."""
    values = (spelling.timestamp(word, column.format) for word in column.na_values or ())
    return frozenset(value for value in values if value is not None)


def _schema(column: Column) -> dict[str, Any]:
    """Return the JSON schema of what the field takes besides its plain values."""
    if column.format in UNIX:
        return {"type": "number", "description": f"Time as {column.format}"}
    if column.format:
        return {"type": "string", "description": f"Time in the format {column.format}"}
    if column.type in NUMERIC and (column.unit or column.multipliers or column.below_detection):
        return {"type": "string", "pattern": "[0-9]", "description": f"Number with {column.unit or 'letters'}"}
    return {"enum": sorted(column.na_values or ()), "description": "Missing value"}
