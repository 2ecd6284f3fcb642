"""Proposes the range of a column of numbers: with room for the next delivery, and the limits that its name implies."""

import re
from collections.abc import Callable
from math import ceil, floor, log10

import numpy as np
import pandas as pd

from ..contract.column import MAX_MAGNITUDE

SUFFIX = r"(_(num|number|no|nr|utc|local|value))?$"
DOMAINS = [  # what a name ends with -> the ranges that it implies; the first that holds all values is taken
    (r"(day_of_year|dayofyear|doy|yday)", [(1, 366), (0, 365)]),
    (r"(day_of_week|dayofweek|dow|weekday|week_day|wday)", [(1, 7), (0, 6), (0, 7)]),
    (r"(month|mth)(_of_year)?", [(1, 12), (0, 11)]),
    (r"(day|dom|mday)(_of_month)?|dayofmonth", [(1, 31)]),
    (r"(week|isoweek)(_of_year)?|weekofyear", [(1, 53), (0, 53)]),
    (r"(quarter|qtr)", [(1, 4)]),
    (r"(hour|hr)(_of_day)?|hourofday", [(0, 23), (0, 24)]),
    (r"(minute|second)", [(0, 59), (0, 60)]),
    (r"(lat|latitude)", [(-90, 90)]),
    (r"(lon|lng|long|longitude)", [(-180, 180), (0, 360)]),
    (r"age", [(0, 120)]),
    (r"(percent|pct|percentage|humidity)", [(0, 100)]),
]
YEAR = re.compile(rf"(^|_)(year|yr|yyyy|yy)(_built|_of_\w+)?{SUFFIX}|^year_")
COUNT = re.compile(r"(^|_)(n|num|number|count|cnt|qty|quantity|total|times|children)(_|$)|[^su_]s$")
FLAG = re.compile(r"^(is|has|had|was|were|did|does|can)_|(^|_)(flag|indicator|dummy|bool)($|_)")
MIN_FLAG_SHARE = 0.05  # of the rarer of 0 and 1: with fewer, they may be the beginning of a count
FEW = 20  # up to which whole numbers count things
MIN_YEARS = 10  # of room


def words(name: str) -> str:
    """Return the words of a column's name in lower case, joined by underscores: arrivalHour is arrival_hour."""
    parts = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name)
    return re.sub(r"[\W_]+", "_", parts).strip("_").lower()


def is_year(name: str, low: float, high: float) -> bool:
    """Return whether whole numbers from *low* to *high* in the column *name* are years with four digits."""
    return bool(YEAR.search(words(name))) and low >= 1000 and high <= 2200


def bounds(name: str, values: pd.Series, whole: bool) -> tuple[float, float]:
    """Return the smallest and the largest number to allow in the column *name*, whose *values* are not missing."""
    low, high = float(values.min()), float(values.max())
    if domain := _domain(words(name), low, high, whole):
        return domain
    if whole and {low, high} <= {0.0, 1.0} and _flag(words(name), values):
        return 0, 1
    return _room(low, high, whole)


def _domain(name: str, low: float, high: float, whole: bool) -> tuple[float, float] | None:
    if whole and YEAR.search(name) and low >= 1000 and high <= 2200:
        margin = max(MIN_YEARS, ceil((high - low) / 2))
        return int(low) - margin, int(high) + margin
    if whole and YEAR.search(name) and low >= 0 and high <= 99:
        return 0, 99
    for pattern, ranges in DOMAINS:
        if re.search(rf"(^|_)({pattern}){SUFFIX}", name):
            return next((ends for ends in ranges if ends[0] <= low and high <= ends[1]), None)
    return None


def _flag(name: str, values: pd.Series) -> bool:
    """Return whether 0 and 1 mean no and yes, so that no larger number can follow."""
    if FLAG.search(name):
        return True
    share = float(values.mean())
    return not COUNT.search(name) and MIN_FLAG_SHARE <= share <= 1 - MIN_FLAG_SHARE


def _room(low: float, high: float, whole: bool) -> tuple[float, float]:
    """Return round ends wider than the range; numbers from 0 on, and shares from 0 to 1, stay within theirs."""
    if low >= 0 and high <= 1 and not whole:
        return 0, 1
    margin = (high - low) / 2 or abs(high) or 1
    if whole and max(abs(low), abs(high)) <= FEW:
        margin = max(margin, abs(high), abs(low), 3)  # a count of 2 may follow 0 and 1
    first = 0 if low >= 0 else _rounded(low - margin, floor)
    last = 0 if high <= 0 else _rounded(high + margin, ceil)
    return (floor(first), ceil(last)) if whole else (first, last)


def _rounded(number: float, rounding: Callable[[float], int]) -> float:
    unit = 10.0 ** (floor(log10(abs(number))) - 1) if number else 1.0
    largest = MAX_MAGNITUDE["number"]
    rounded = max(-largest, min(largest, float(f"{rounding(number / unit) * unit:.12g}")))
    return int(rounded) if rounded % 1 == 0 else rounded


def whole_numbers(values: pd.Series) -> bool:
    """Return whether all *values* are whole, and exact in JSON."""
    return bool((values % 1 == 0).all() and np.abs(values).max() <= MAX_MAGNITUDE["integer"])


def sentinels(values: pd.Series) -> list[str]:
    """Return a remark for the smallest and the largest value if it may mean a missing one, such as -999 or 9999."""
    remarks = []
    for end in (float(values.min()), float(values.max())):
        others = values[values != end]
        digits = f"{abs(end):.0f}"
        count = len(values) - len(others)
        if count < 2 or others.empty or len(digits) < 2 or len(set(digits)) > 1 or digits[0] not in "6789":
            continue
        if min(abs(others.min() - end), abs(others.max() - end)) > others.max() - others.min():
            remarks.append(f"{end:g} ({count:,} rows) is far from the others: list it in na_values if it means missing")
    return remarks
