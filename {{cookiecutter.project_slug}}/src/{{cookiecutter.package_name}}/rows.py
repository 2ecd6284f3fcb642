"""Turns rows into the model's inputs: the one place that training, the service and batch scoring share.

numpy only, so that the scoring image needs nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from .column import MISSING
from .contract import Contract, Feature

EPOCH, NEVER = datetime(1970, 1, 1), np.iinfo(np.int64).min
DAY_ZERO = np.datetime64("2000-01-01", "D")


def encode(columns: Mapping[str, Sequence[Any] | np.ndarray], contract: Contract) -> dict[str, np.ndarray]:
    """Return one array of shape (rows, 1) per feature: float32 or text objects, with NaN or "" where missing.

    *columns* maps each input column to its cells: numbers, booleans, text, and datetime64 or ISO text for dates; a
    missing cell is None (or NaN, NaT). Raises KeyError when a column is absent.
    """
    dates: dict[str, np.ndarray] = {}
    return {feature.name: _input(feature, columns[feature.column], dates) for feature in contract.features}


def _input(feature: Feature, cells: Sequence[Any] | np.ndarray, dates: dict[str, np.ndarray]) -> np.ndarray:
    if feature.kind == "category":
        texts = np.empty((len(cells), 1), dtype=object)
        texts[:, 0] = [cell if isinstance(cell, str) else MISSING for cell in cells]
        return texts
    if feature.part is None:
        return np.asarray(cells, dtype=np.float32).reshape(-1, 1)
    if feature.column not in dates:
        dates[feature.column] = _moments(cells)
    return _part(dates[feature.column], feature.part).reshape(-1, 1)


def _moments(cells: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return datetime64 in seconds; numpy itself takes longer to read a datetime than the model takes for its row."""
    if not isinstance(cells, list) or not {*map(type, cells)} <= {datetime, type(None)}:
        return np.asarray(cells, dtype="datetime64[s]")
    passed = [cell and cell - EPOCH for cell in cells]
    seconds = [NEVER if one is None else one.days * 86_400 + one.seconds for one in passed]
    return np.array(seconds, dtype=np.int64).view("datetime64[s]")


def _part(moments: np.ndarray, part: str) -> np.ndarray:
    """One number per moment: days since 2000, month 1-12, day 1-31, weekday 0 (Monday) to 6, hour 0-23."""
    days = moments.astype("datetime64[D]")
    number: np.ndarray
    if part == "days":
        number = (moments - DAY_ZERO) / np.timedelta64(1, "D")
    elif part == "month":
        number = moments.astype("datetime64[M]").astype(np.int64) % 12 + 1
    elif part == "day":
        number = (days - moments.astype("datetime64[M]")).astype(np.int64) + 1
    elif part == "weekday":
        number = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    else:
        number = (moments.astype("datetime64[h]") - days).astype(np.int64)
    return np.where(np.isnat(moments), np.nan, number).astype(np.float32)
