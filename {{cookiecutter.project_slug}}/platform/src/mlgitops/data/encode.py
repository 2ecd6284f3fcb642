"""Turns rows into the model's inputs: the one place that training, the service and batch scoring share.

numpy only, so that the scoring image needs nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from ..contract.column import MISSING
from ..contract.contract import Contract, Feature

EPOCH, NEVER = datetime(1970, 1, 1), np.iinfo(np.int64).min
DAY_ZERO = np.datetime64("2000-01-01", "D")


def encode(columns: Mapping[str, Sequence[Any] | np.ndarray], contract: Contract) -> dict[str, np.ndarray]:
    """Return one array of shape (rows, 1) per feature: float32 or text objects, with NaN or "" where missing.

    *columns* maps each input column to its cells: numbers, booleans, text, and datetime64 or ISO text for dates; a
    missing cell is None (or NaN, NaT). Raises KeyError when a column is absent, and ProjectError where a function of
    features.py fails.
    """
    arrays = _Arrays(columns, contract)
    return {feature.name: _input(feature, arrays) for feature in contract.features}


class _Arrays(dict[str, np.ndarray]):
    """The input columns as functions of features.py take them, each converted when it is first asked for."""

    def __init__(self, columns: Mapping[str, Sequence[Any] | np.ndarray], contract: Contract) -> None:
        """Convert nothing yet."""
        super().__init__()
        self.cells, self.inputs = columns, contract.inputs

    def __missing__(self, name: str) -> np.ndarray:
        cells, kind = self.cells[name], self.inputs[name].type
        if kind in ("datetime", "date"):
            array = _timestamps(cells)
        elif kind in ("category", "text"):
            array = _strings(cells)
        else:
            array = np.asarray(cells, dtype=np.float64)
        self[name] = array
        return array


def _input(feature: Feature, arrays: _Arrays) -> np.ndarray:
    if feature.function:
        result = feature.function(arrays)
        return (_strings(result) if feature.kind == "category" else result.astype(np.float32)).reshape(-1, 1)
    cells = arrays.cells[feature.column]
    if feature.kind == "category":
        return _strings(cells).reshape(-1, 1)
    if feature.part is None:
        return np.asarray(cells, dtype=np.float32).reshape(-1, 1)
    return _part(arrays[feature.column], feature.part).reshape(-1, 1)


def _strings(cells: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return the cells as str objects, MISSING for those that are none."""
    strings = np.empty(len(cells), dtype=object)
    strings[:] = [cell if isinstance(cell, str) else MISSING for cell in cells]
    return strings


def _timestamps(cells: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return datetime64 in seconds; numpy itself takes longer to read a datetime than the model takes for its row."""
    if not isinstance(cells, list) or not {*map(type, cells)} <= {datetime, type(None)}:
        return np.asarray(cells, dtype="datetime64[s]")
    elapsed = [cell and cell - EPOCH for cell in cells]
    seconds = [NEVER if delta is None else delta.days * 86_400 + delta.seconds for delta in elapsed]
    return np.array(seconds, dtype=np.int64).view("datetime64[s]")


def _part(timestamps: np.ndarray, part: str) -> np.ndarray:
    """One number per timestamp: days since 2000, month 1-12, day 1-31, weekday 0 (Monday) to 6, hour 0-23."""
    days = timestamps.astype("datetime64[D]")
    number: np.ndarray
    if part == "days":
        number = (timestamps - DAY_ZERO) / np.timedelta64(1, "D")
    elif part == "month":
        number = timestamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    elif part == "day":
        number = (days - timestamps.astype("datetime64[M]")).astype(np.int64) + 1
    elif part == "weekday":
        number = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    else:
        number = (timestamps.astype("datetime64[h]") - days).astype(np.int64)
    return np.where(np.isnat(timestamps), np.nan, number).astype(np.float32)
