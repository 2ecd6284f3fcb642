"""Finds the rows of a delivery that break the contract, each with the reason."""

import numpy as np
import pandas as pd

from ..contract.column import MAX_MAGNITUDE, Column
from ..contract.contract import Contract


def reasons(rows: pd.DataFrame, contract: Contract) -> list[str]:
    """Return for each of the typed *rows* why it breaks the contract, or an empty string.

    A largest share of missing values concerns the table as a whole, so validate checks it.
    """
    found: list[str] = [""] * len(rows)
    for name, column in contract.columns.items():
        values = rows[name]
        for reason, mask in _violations(values, column, name in contract.key):
            for position in np.flatnonzero(mask):
                found[position] = found[position] or f"{name}: {reason.format(values.iloc[position])}"
    return found


def _violations(values: pd.Series, column: Column, is_key: bool) -> list[tuple[str, np.ndarray]]:
    """Return what may be wrong with the values of a column, each with the rows where it is."""
    missing = values.isna().to_numpy(dtype=bool)
    misfits = np.zeros(len(values), dtype=bool)
    if values.dtype == object:
        misfits = np.array([isinstance(value, str) for value in values], dtype=bool)
        values = pd.Series(values.mask(misfits).to_list(), index=values.index)
    checks = [(f"'{{}}' is not of type {column.type}", misfits)]
    if column.missing is False or is_key:
        checks.append(("the value is missing", missing))
    if column.categories is not None:
        listed = values.isin(column.categories).to_numpy(dtype=bool)
        checks.append((f"'{{}}' is not one of {', '.join(column.categories[:10])}", ~missing & ~misfits & ~listed))
    if column.words:
        long = (values.str.len() > column.max_chars).fillna(False).to_numpy(dtype=bool)
        checks.append((f"the text has more than {column.max_chars:,} characters", long))
    low, high = column.min, column.max
    if column.type == "number":
        low, high = -MAX_MAGNITUDE["number"] if low is None else low, MAX_MAGNITUDE["number"] if high is None else high
    if low is not None:
        checks.append((f"{{}} is less than {low}", (values < low).fillna(False).to_numpy(dtype=bool)))
    if high is not None:
        checks.append((f"{{}} is more than {high}", (values > high).fillna(False).to_numpy(dtype=bool)))
    return checks
