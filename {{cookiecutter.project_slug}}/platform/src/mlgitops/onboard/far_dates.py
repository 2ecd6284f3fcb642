"""Recognizes dates that mean "no date", such as 9999-12-31 for a contract without an end."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

ENDS = [
    "9999-12-31", "9999-01-01", "4000-12-31", "3000-01-01", "3000-12-31", "2999-12-31", "2100-12-31", "2099-12-31",
    "2079-06-06", "0001-01-01", "1601-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01",
    "1970-01-01",
]  # fmt: skip
GAP_YEARS = 50  # between such a date and the others
FIRST, LAST = pd.Timestamp("1678-01-01"), pd.Timestamp("2261-12-31")  # of what requests take without max


@dataclass(frozen=True)
class FarDates:
    """The values that mean a missing date, as delivered, and what the user should check."""

    na_values: list[str]
    remarks: list[str]


def decide(name: str, delivered: Callable[[], pd.Series], moments: pd.Series) -> FarDates:
    """Return which values of the column *name*, read as *moments*, mean a missing date; *delivered* returns all."""
    days = moments.to_numpy().astype("datetime64[D]")
    ends = np.isin(days, np.array(ENDS, dtype="datetime64[D]"))
    others = days[~ends & moments.notna().to_numpy()]
    if len(others):
        gap = np.timedelta64(365 * GAP_YEARS, "D")
        ends &= (days < others.min() - gap) | (days > others.max() + gap)
    remarks, na_values = [], []
    if ends.any() and len(others):
        counts = _spelled(delivered()[ends]).value_counts()
        na_values = sorted(counts.index)
        listed = ", ".join(f"{value} ({count:,} rows)" for value, count in counts.items())
        remarks.append(f"{name}: {listed} read as missing; without it in na_values, it is a date")
    far = moments.where(~ends)
    if count := int(((far < FIRST) | (far > LAST)).sum()):
        remarks.append(
            f"{name}: {count:,} rows are before 1678 or after 2261: if they mean no date, list them in na_values"
        )
    return FarDates(na_values, remarks)


def _spelled(values: pd.Series) -> pd.Series:
    """Return dates as strings, as they are delivered; those that are no strings as ISO 8601."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.Series(np.datetime_as_string(values.to_numpy().astype("datetime64[D]")))
    return values.astype("string").str.strip()
