"""Finds the rows of a delivery that break the contract, each with the reason."""

from typing import Any

import numpy as np
import pandas as pd

from ..contract.column import MAX_MAGNITUDE, Column
from ..contract.contract import Contract


def reasons(rows: pd.DataFrame, contract: Contract) -> list[str]:
    """Return for each of the typed *rows* why it breaks the contract, or an empty string.

    A largest share of missing values concerns the table as a whole, so validate checks it.
    """
    words: list[str] = [""] * len(rows)
    for name, column in contract.columns.items():
        values = rows[name]
        for kind, mask in violations(values, column).items():
            if kind == "missing" and column.missing is not False and name not in contract.key:
                continue
            for position in np.flatnonzero(mask):
                words[position] = words[position] or f"{name}: {_reason(kind, column, values.iloc[position])}"
    return words


def violations(values: pd.Series, column: Column) -> dict[str, np.ndarray]:
    """Return for each kind of violation that typed *values* may have the rows where it is."""
    missing = values.isna().to_numpy(dtype=bool)
    misfits = np.zeros(len(values), dtype=bool)
    if values.dtype == object:
        misfits = np.array([isinstance(value, str) for value in values], dtype=bool)
        values = pd.Series(values.mask(misfits).to_list(), index=values.index)
    masks = {"type": misfits, "missing": missing}
    if column.categories is not None:
        listed = values.isin(column.categories).to_numpy(dtype=bool)
        masks["category"] = ~missing & ~misfits & ~listed
    if column.words:
        masks["length"] = (values.str.len() > column.max_chars).fillna(False).to_numpy(dtype=bool)
    low, high = limits(column)
    if low is not None or high is not None:
        below = (values < low) if low is not None else pd.Series(False, values.index)
        above = (values > high) if high is not None else pd.Series(False, values.index)
        masks["range"] = (below | above).fillna(False).to_numpy(dtype=bool)
    return masks


def limits(column: Column) -> tuple[Any, Any]:
    """Return the smallest and the largest value, None without one; infinity is out of range for the model's float32."""
    if column.type != "number":
        return column.min, column.max
    largest = MAX_MAGNITUDE["number"]
    return -largest if column.min is None else column.min, largest if column.max is None else column.max


def _reason(kind: str, column: Column, value: Any) -> str:
    low, high = limits(column)
    if kind == "range":
        return f"{value} is less than {low}" if low is not None and value < low else f"{value} is more than {high}"
    return {
        "type": f"'{value}' is not of type {column.type}",
        "missing": "the value is missing",
        "category": f"'{value}' is not one of {', '.join((column.categories or ())[:10])}",
        "length": f"the text has more than {column.max_chars:,} characters",
    }[kind]
