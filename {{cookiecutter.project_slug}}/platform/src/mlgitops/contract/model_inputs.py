"""The inputs of the model: one per column, part of a date, or function of features.py."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from .column import MISSING, Column, Part
from .features import Function, Kind


@dataclass(frozen=True)
class Feature:
    """One input of the model: a column, one part of a date, or the result of a function of features.py."""

    name: str
    column: str
    kind: Kind | Literal["text"]
    part: Part | None = None
    levels: tuple[str, ...] | None = None
    words: int | None = None
    function: Function | None = None


def column_features(inputs: Mapping[str, Column], time: str | None) -> tuple[Feature, ...]:
    """Return the features that follow from the columns themselves, in their order, with valid ONNX names.

    *time* is the column that orders the rows.
    """
    names: dict[str, Feature] = {}
    for feature in _declared(inputs, time):
        names[_onnx_name(feature.name, names)] = feature
    return tuple(replace(feature, name=name) for name, feature in names.items())


def _declared(inputs: Mapping[str, Column], time: str | None) -> Iterator[Feature]:
    for name, column in inputs.items():
        if not column.feature:
            continue
        if column.type in ("datetime", "date"):
            yield from (Feature(f"{name}_{part}", name, "number", part) for part in _parts(column, name == time))
        elif column.type == "category":
            levels = (*column.categories, *([MISSING] if column.missing else [])) if column.categories else None
            yield Feature(name, name, "category", levels=levels)
        elif column.type == "text":
            yield Feature(name, name, "text", words=column.words)
        else:
            yield Feature(name, name, "number")


def _parts(column: Column, orders_rows: bool) -> tuple[Part, ...]:
    """Return the parts that are features; of the time that orders the rows, none that only grows, such as days."""
    parts: tuple[Part, ...] = column.parts or (("weekday",) if orders_rows else ("days", "month", "day", "weekday"))
    return parts if column.parts or column.type == "date" else (*parts, "hour")


def _onnx_name(name: str, taken: Container[str]) -> str:
    """Return *name* as a valid ONNX name: ASCII letters, digits and underscores, a letter first, not in *taken*."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    plain = plain if plain[0].isalpha() else f"x{plain}"
    return next(free for n in count(1) if (free := plain if n == 1 else f"{plain}_{n}") not in taken)
