"""Synthetic rows that satisfy the contract, for examples and tests that have no real rows."""

import math
from typing import Any

import numpy as np

from .column import Column
from .contract import Contract
from .row_schema import limits


def example_rows(contract: Contract, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return *count* rows of JSON values that satisfy the contract, determined by *seed*."""
    rng = np.random.default_rng(seed)
    return [{name: _value(column, rng) for name, column in contract.inputs.items()} for _ in range(count)]


def _value(column: Column, rng: np.random.Generator) -> Any:
    if column.missing and rng.random() < 0.1:
        return None
    if column.categories:
        return column.categories[rng.integers(len(column.categories))]
    if column.type == "boolean":
        return bool(rng.random() < 0.5)
    if column.type in ("datetime", "date"):
        timestamp = _between(column.min, column.max, np.datetime64("2020-01-01", "s"), np.timedelta64(3650, "D"), rng)
        return str(timestamp.astype("datetime64[D]" if column.type == "date" else "datetime64[s]"))
    if column.type in ("number", "integer"):
        return _example_number(column, rng)
    return f"example {rng.integers(5)}"


def _example_number(column: Column, rng: np.random.Generator) -> float:
    low, high = limits(column)
    number = float(_between(column.min, column.max, np.float64(0), np.float64(100), rng))
    if column.type == "integer":
        return min(max(round(number), math.ceil(low)), math.floor(high))
    return round(number, 2) if low <= round(number, 2) <= high else number


def _between(low: Any, high: Any, default: Any, width: Any, rng: np.random.Generator) -> Any:
    """Return a value from *low* to *high*; an open end is *width* from the other one, or from *default*."""
    kind = type(default)
    start = kind(low) if low is not None else (kind(high) - width if high is not None else default)
    end = kind(high) if high is not None else start + width
    return start + (end - start) * rng.random()
