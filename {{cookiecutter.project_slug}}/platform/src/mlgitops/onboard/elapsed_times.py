"""Recognizes times that are numbers: those elapsed since 1970, and the days of spreadsheets."""

import re

import pandas as pd

from ..contract.column import UNIX
from .date_formats import ANCHORS, MOST, TIME_NAME, DateFormat

SINCE_1970 = {"unix_s": "seconds", "unix_ms": "milliseconds", "unix_us": "microseconds", "unix_ns": "nanoseconds"}
FIRST, LAST = 5e11, 4.2e12  # milliseconds, of 1985 and 2103
DAY_NAME = re.compile(r"date|day$|datum|fecha", re.IGNORECASE)
SPREADSHEET_DAYS = (20_000, 73_050)  # since 1899-12-30, of 1954 and 2099


def since_1970(name: str, numbers: pd.Series) -> DateFormat | None:
    """Return the format if *numbers* are times since 1970, as the *name* of their column says."""
    distinct = numbers.drop_duplicates().astype("float64")
    for form, unit in SINCE_1970.items() if TIME_NAME.search(name) else ():
        if (distinct * UNIX[form]).between(FIRST, LAST).mean() > MOST:
            return DateFormat(form, f"read as {unit} since 1970, format {form} (or set type: number)")
    return None


def spreadsheet_days(name: str, numbers: pd.Series) -> list[str]:
    """Return a remark if *numbers* are perhaps dates as spreadsheets count them, which are not read."""
    distinct = numbers.drop_duplicates().astype("float64")
    if len(distinct) < ANCHORS or not DAY_NAME.search(name) or not distinct.between(*SPREADSHEET_DAYS).all():
        return []
    return [f"numbers such as {distinct.iloc[0]:g} could be a spreadsheet's days since 1900: export them as dates"]
