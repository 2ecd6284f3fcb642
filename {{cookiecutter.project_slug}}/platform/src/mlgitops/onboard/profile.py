"""Describes a column whose type is known: its range or values, what may be missing, and whether the model sees it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Any

import numpy as np
import pandas as pd

from ..contract import row_schema
from ..contract.column import MAX_MAGNITUDE
from ..data import frame

NUMBERING = "ids?|key|uuid|guid|index|no|nr|num|number|row|rowid|rownames?|unnamed|obs|column 1"
IDENTIFIER = re.compile(rf"(^|[\s_.-])({NUMBERING})([\s_.:\d-]|$)|[a-z]I[dD]$", re.IGNORECASE)
BEYOND = "numbers beyond what the model can hold"
LEVELS = 20  # a category of more values, or with rarer ones than COMMON rows, is left open
COMMON = 5


@dataclass
class Found:
    """What was found out about a column: its entry in the contract, its typed cells, and what is not sure."""

    entry: dict[str, Any]
    cells: pd.Series
    identifies: bool = False  # each row, by a value of its own
    unsure: list[str] = field(default_factory=list)


def described(name: str, found: Found) -> Found:
    """Complete the entry: ranges and values, how much may be missing, and why the model should not see the column."""
    entry, filled = found.entry, found.cells.dropna()
    missing, distinct = 1 - len(filled) / len(found.cells), _distinct(filled)
    if not distinct:
        return Found(ignored("no value in any row"), found.cells)
    if distinct == 1 and not missing:
        return Found(ignored("the same value in every row", missing=False), found.cells)
    identifier = False
    if entry["type"] == "number":
        if np.abs(filled.astype("float64")).max() > MAX_MAGNITUDE["number"]:
            return Found(ignored(BEYOND), found.cells)
        whole = (filled % 1 == 0).all() and np.abs(filled).max() <= MAX_MAGNITUDE["integer"]
        entry["type"] = "integer" if whole else "number"
        entry["min"], entry["max"] = bounds(float(filled.min()), float(filled.max()))
        identifier = entry["type"] == "integer" and _numbers_rows(name, filled, distinct, missing)
    elif entry["type"] == "datetime":
        entry["type"] = "date" if (filled == filled.dt.normalize()).all() else "datetime"
        entry["min"] = filled.min().replace(month=1, day=1).date()
    elif entry["type"] == "category":
        identifier = _category(entry, filled, distinct)
    if identifier:
        found.entry = ignored("identifies the row", missing=bool(missing))
        found.identifies = distinct == len(found.cells)
    elif missing:
        entry["missing"] = True if missing > 0.5 else round(missing * 1.5 + 0.05, 2)
    return found


def _distinct(cells: pd.Series) -> int:
    """Return how many values there are; of texts by their hashes, sorted, which takes the least memory."""
    if cells.dtype != frame.STRING or cells.empty:
        return int(cells.nunique())
    hashes = frame.hashes(cells)
    hashes.sort()
    return 1 + int((hashes[1:] != hashes[:-1]).sum())


def ignored(reason: str, missing: bool = True) -> dict[str, Any]:
    """Return the entry of a column that the model does not see."""
    return {"type": "text", "ignore": reason} | ({"missing": True} if missing else {})


def _numbers_rows(name: str, numbers: pd.Series, distinct: int, missing: float) -> bool:
    """Return whether whole numbers only number the rows."""
    if distinct < len(numbers) or missing or len(numbers) < 20:
        return False
    return bool(IDENTIFIER.search(name)) or numbers.max() - numbers.min() + 1 == distinct


def _category(entry: dict[str, Any], texts: pd.Series, distinct: int) -> bool:
    """Complete the entry of a column of texts; return whether they identify the rows."""
    some = texts.head(10_000)
    if distinct > 0.5 * len(texts) and (some.str.count(" ").mean() > 3 or some.str.len().mean() > 60):
        entry |= {"type": "text", "ignore": "free text"}
    elif texts.str.len().max() > row_schema.MAX_CATEGORY_CHARS:
        entry |= {"type": "text", "ignore": f"more than {row_schema.MAX_CATEGORY_CHARS} letters"}
    elif distinct > 0.9 * len(texts) and len(texts) > 20:
        return True
    elif distinct <= LEVELS and (distinct == 2 or texts.value_counts().min() >= COMMON):
        entry["categories"] = sorted(map(str, texts.unique()))
    return False


def bounds(low: float, high: float) -> tuple[float, float]:
    """Return a range with room on both sides, in round numbers; what is never negative, or a share, stays so."""
    if low >= 0 and high <= 1:
        return 0, 1
    room = (high - low) / 2 or abs(high) or 1
    return (0 if low >= 0 else _rounded(low - room, floor)), (0 if high <= 0 else _rounded(high + room, ceil))


def _rounded(number: float, way: Callable[[float], int]) -> float:
    unit = 10.0 ** (floor(log10(abs(number))) - 1) if number else 1.0
    largest = MAX_MAGNITUDE["number"]
    rounded = max(-largest, min(largest, float(f"{way(number / unit) * unit:.12g}")))
    return int(rounded) if rounded % 1 == 0 else rounded
