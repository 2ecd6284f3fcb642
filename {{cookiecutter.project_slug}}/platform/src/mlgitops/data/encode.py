"""Encodes rows as the model's inputs, for training, the service and batch scoring alike.

It needs numpy only, because the scoring image has no pandas.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from ..contract.column import MISSING
from ..contract.contract import Contract
from ..contract.model_inputs import Feature
from ..contract.strings import words

EPOCH, NAT = datetime(1970, 1, 1), np.iinfo(np.int64).min
DAY_ZERO = np.datetime64("2000-01-01", "D")


Columns = Mapping[str, Sequence[Any] | np.ndarray]


def encode(columns: Columns, contract: Contract, features: tuple[Feature, ...] | None = None) -> dict[str, np.ndarray]:
    """Return one array of shape (rows, 1) per feature: float32 or str objects, with NaN or "" where missing.

    The features are those of *contract*, or those that an exported model names.

    *columns* maps each input column to its values: numbers, booleans, strings, and datetime64 or ISO strings for dates;
    a missing value is None (or NaN, NaT). Raises KeyError if a column is absent, and ProjectError if a function of
    features.py fails.
    """
    arrays = FunctionInputs(columns, contract)
    return {feature.name: _input(feature, arrays) for feature in (contract.features if features is None else features)}


class FunctionInputs(dict[str, np.ndarray]):
    """The input columns as functions of features.py take them, each converted on first use."""

    def __init__(self, columns: Columns, contract: Contract) -> None:
        """Keep *columns* to convert them later."""
        super().__init__()
        self.values_by_name, self.inputs = columns, contract.inputs

    def __missing__(self, name: str) -> np.ndarray:
        """Convert the values of a column when it is first read."""
        values, kind = self.values_by_name[name], self.inputs[name].type
        if kind in ("datetime", "date"):
            array = timestamps(values)
        elif kind in ("category", "text"):
            array = _strings(values)
        else:
            array = np.asarray(values, dtype=np.float64)
        self[name] = array
        return array


def _input(feature: Feature, arrays: FunctionInputs) -> np.ndarray:
    if feature.function:
        result = feature.function(arrays)
        return (_strings(result) if feature.kind == "category" else result.astype(np.float32)).reshape(-1, 1)
    values = arrays.values_by_name[feature.column]
    if feature.kind == "text":
        return np.array([words(text) for text in _strings(values)] + [MISSING], dtype=object)[:-1].reshape(-1, 1)
    if feature.kind == "category":
        return _strings(values).reshape(-1, 1)
    if feature.part is None:
        return np.asarray(values, dtype=np.float32).reshape(-1, 1)
    return _part(arrays[feature.column], feature.part).reshape(-1, 1)


def _strings(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return the values as str objects, MISSING for those that are not strings."""
    strings = np.empty(len(values), dtype=object)
    strings[:] = [value if isinstance(value, str) else MISSING for value in values]
    return strings


def timestamps(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return datetime64 in seconds; numpy's own conversion of a datetime takes longer than the model takes per row."""
    if not isinstance(values, list) or not {*map(type, values)} <= {datetime, type(None)}:
        return np.asarray(values, dtype="datetime64[s]")
    elapsed = [value and value - EPOCH for value in values]
    seconds = [NAT if delta is None else delta.days * 86_400 + delta.seconds for delta in elapsed]
    return np.array(seconds, dtype=np.int64).view("datetime64[s]")


def _part(timestamps: np.ndarray, part: str) -> np.ndarray:
    """Return one number per timestamp: days since 2000, month 1-12, day 1-31, weekday 0 (Monday) to 6, hour 0-23."""
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
