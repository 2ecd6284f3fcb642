"""Profiles a column of known type: its range or categories, missing values, and whether the model uses it."""

import re
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from ..contract import row_schema
from ..contract.column import MAX_MAGNITUDE
from ..contract.strings import MAX_CHARS, MAX_TEXT_CHARS
from ..data import frame
from ..data.arrow_cells import STRING
from . import date_formats, ranges

NUMBERING = "ids?|key|uuid|guid|index|no|nr|num|number|row|rowid|rownames?|unnamed|obs|column 1"
IDENTIFIER = re.compile(rf"(^|[\s_.-])({NUMBERING})([\s_.:\d-]|$)|[a-z]I[dD]$", re.IGNORECASE)
CONSTANT = "the same value in every row"
OUT_OF_RANGE = "numbers out of the range of float32"
MAX_CATEGORIES = 20  # with more values, or values of fewer than MIN_CATEGORY_ROWS rows, a category stays open
MIN_CATEGORY_ROWS = 5
WORDS = 200  # and pairs of words that become features of a text
LAST_TIME = pd.Timestamp(row_schema.TIME_RANGE[1])
READING = ("na_values", "unit", "multipliers", "below_detection", "above_detection")  # how numbers are read


@dataclass
class ColumnProfile:
    """What was inferred about a column: its entry in the contract, its typed values, and remarks for the user."""

    entry: dict[str, Any]
    values: pd.Series
    identifies: bool = False  # each row has a unique value
    remarks: list[str] = field(default_factory=list)
    reading: list[str] = field(default_factory=list)  # those on how its type reads a value
    resembles: str | None = None  # what the values look like, if that is not read
    first: float = nan  # the smallest number, and the largest
    last: float = nan


def complete(name: str, profile: ColumnProfile) -> ColumnProfile:
    """Complete the entry: range or categories, missing values, and a reason to ignore the column, if there is one."""
    entry, filled = profile.entry, profile.values.dropna()
    missing, distinct = 1 - len(filled) / len(profile.values), _distinct(filled)
    if not distinct:
        return ColumnProfile(ignored("no value in any row"), profile.values)
    if entry["type"] == "number":
        profile.first, profile.last = float(filled.min()), float(filled.max())
    if distinct == 1 and not missing:
        profile.entry = ignored(CONSTANT, missing=False)
        return profile
    identifier = False
    if entry["type"] == "number":
        if np.abs(filled.astype("float64")).max() > MAX_MAGNITUDE["number"]:
            return ColumnProfile(ignored(OUT_OF_RANGE), profile.values)
        whole = ranges.whole_numbers(filled)
        entry["type"] = "integer" if whole else "number"
        entry["min"], entry["max"] = ranges.bounds(name, filled, whole)
        profile.remarks += [f"{name}: {remark}" for remark in ranges.sentinels(filled)]
        identifier = entry["type"] == "integer" and _numbers_rows(name, filled, distinct, missing)
    elif entry["type"] == "datetime":
        if (filled == filled.dt.normalize()).all():
            entry["type"] = "date"
            entry.pop("zone", None)
        entry["min"] = filled.min().replace(month=1, day=1).date()
        if filled.max() > LAST_TIME:  # without max, no later time is accepted
            entry["max"] = filled.max().date()
    elif entry["type"] == "category":
        identifier = _category(entry, filled, distinct)
    if identifier:
        profile.entry = ignored(profile.resembles or "identifies the row", missing=bool(missing))
        profile.identifies = distinct == len(profile.values) and not profile.resembles
    elif missing:
        entry["missing"] = True if missing > 0.5 else round(missing * 1.5 + 0.05, 2)
    return profile


def _distinct(values: pd.Series) -> int:
    """Return the number of distinct values; strings are counted by sorted hashes, which takes the least memory."""
    if values.dtype != STRING or values.empty:
        return int(values.nunique())
    hashes = frame.hashes(values)
    hashes.sort()
    return 1 + int((hashes[1:] != hashes[:-1]).sum())


def ignored(reason: str, missing: bool = True) -> dict[str, Any]:
    """Return the entry of a column that the model does not use."""
    return {"type": "text", "ignore": reason} | ({"missing": True} if missing else {})


def _numbers_rows(name: str, numbers: pd.Series, distinct: int, missing: float) -> bool:
    """Return whether integers are row numbers or identifiers."""
    if distinct < len(numbers) or missing or len(numbers) < 20:
        return False
    return bool(IDENTIFIER.search(name)) or numbers.max() - numbers.min() + 1 == distinct


def _category(entry: dict[str, Any], strings: pd.Series, distinct: int) -> bool:
    """Complete the entry of a column of strings; return whether they identify the rows."""
    sample = strings.head(10_000)
    free = distinct > 0.5 * len(strings) and (sample.str.count(" ").mean() > 3 or sample.str.len().mean() > 60)
    longest = strings.str.len().max()
    if longest > MAX_TEXT_CHARS:
        entry |= {"type": "text", "ignore": f"more than {MAX_TEXT_CHARS:,} characters"}
    elif free or longest > MAX_CHARS:
        entry |= {"type": "text", "words": WORDS}
    elif distinct > 0.9 * len(strings) and len(strings) > 20:
        return True
    elif date_formats.periods(strings.head(10_000)):
        return False  # the next period is a new value
    elif distinct <= MAX_CATEGORIES and (distinct == 2 or strings.value_counts().min() >= MIN_CATEGORY_ROWS):
        entry["categories"] = sorted(map(str, strings.unique()))
    return False
