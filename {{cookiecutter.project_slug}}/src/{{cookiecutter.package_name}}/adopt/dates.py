"""Finds out how a column of text writes dates and times."""

import pandas as pd

from .. import parsing

DAYS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
]  # fmt: skip
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S"]
ISO = None  # with or without clock and zone
FORMATS = [ISO, *(day + clock for day in DAYS for clock in CLOCKS)]
SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}


def written(texts: pd.Series) -> tuple[bool, str | None]:
    """Return whether *texts* are dates, and the format in which they are written (None for ISO)."""
    some = texts.drop_duplicates()
    few = some.iloc[:: max(1, len(some) // 50)]
    if not few.str.contains(r"\d.*\D.*\d", regex=True).all():  # a day has two numbers, or a number and a name
        return False, None
    for way in FORMATS:
        if parsing.moments(few, way).notna().all() and parsing.moments(some, way).notna().mean() > 0.9:
            return True, way
    return False, None


def ambiguous(texts: pd.Series, way: str | None) -> bool:
    """Return whether day and month could be the other way round in every cell."""
    other = next((way.replace(a, b) for a, b in SWAPPED.items() if way and way.startswith(a)), None)
    return other is not None and bool(parsing.moments(texts.drop_duplicates(), other).notna().all())
