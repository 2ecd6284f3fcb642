"""Recognizes how the dates of a column are written, from a sample of its values."""

import re
import warnings
from dataclasses import dataclass

import pandas as pd
from pandas.tseries.api import guess_datetime_format

from ..contract import spelling
from ..data import casting

DAYS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y",
    *(day.replace("%b", month) for month in ("%b", "%B") for day in (
        "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d. %b %Y", "%b %d, %Y", "%b %d %Y", "%b. %d, %Y", "%d/%b/%Y", "%d%b%Y",
        "%d %b, %Y", "%Y-%b-%d", "%Y %b %d", "%d %b %y", "%b-%d-%Y", "%d%b%y", "%d.%b.%Y",
        "%a, %d %b %Y", "%a %d %b %Y", "%a, %b %d, %Y", "%A, %b %d, %Y", "%A, %d %b %Y", "%A %d %b %Y", "%a %b %d %Y",
    )),
]  # fmt: skip
CLOCKS = [
    clock + zone for clock in (
        "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p", "%I:%M:%S:%f%p",
        "%I.%M.%S %p", "%I.%M.%S.%f %p", "%I:%M:%S.%f %p", "%H.%M", "%H.%M.%S", "%H.%M.%S.%f", "%Hh%M",
    ) for zone in ("", " %z", " %Z", "%z", " %z (%Z)")
]  # fmt: skip
CLOCK = re.compile(r"(.*?\d.*?)(\s+|T|, | at |:|-)(\d{1,2}[:.h]\d\d.*)")  # day, what is between, clock
MONTHS = [
    "%Y-%m", "%b-%Y", "%B-%Y", "%b %Y", "%B %Y", "%b, %Y", "%B, %Y", "%m/%Y", "%m-%Y", "%m.%Y", "%Y/%m", "%Y.%m",
    "%YM%m", "%Y-%b", "%Y %b", "%Y %B", "%b/%Y", "%b-%y", "%b %y", "%b%Y", "%b'%y",
]  # fmt: skip
OTHERS = ["%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Z %Y", "%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H", "%Y-%j"]
ISO = re.compile(r"[12]\d{3}-\d\d-\d\d|[12]\d{7}T|\d{4}-\d\d-\d\d$")
DIGITS_AND_MORE = re.compile(r"\d\D+\d|[^\W\d]{3}.*\d\d|\d\d.*[^\W\d]{3}")  # two numbers, or a number and a word
MOST, ANCHORS = 0.9, 3  # the share of values that have the format; the values that suggest formats
SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}
AMBIGUOUS_ZONES = re.compile(r"\b(?:CST|EST|MST|PST)\b")
TIME_NAME = re.compile(
    r"time|stamp|epoch|unix|date|created|updated|modified|when|utc|month|period|ym$|(^|[_ ])(ts|at|day)$", re.IGNORECASE
)
MIN_DISTINCT = {"%Y%m%d": 3, "%Y%m": 12, "%Y%m%d%H%M": 3, "%Y%m%d%H%M%S": 3}  # to believe it without the name
WIDTHS = {8: "%Y%m%d", 6: "%Y%m", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
DATE_LIKE = re.compile(
    r"\W*([^\W\d]{2,12}\.?,?\s+)?\d{1,2}\.?(\s+(de\s+)?|-)[^\W\d]{3,12}\.?,?(\s+(de\s+)?|-)(\d\d)?\d\d\b.*"
    r"|[12]\d{3}\D{1,2}\d{1,2}\D{1,2}\d{1,2}\b.*|\d{1,2}([/.-])\d{1,2}\5([12]\d)?\d\d\b.*"
)
CLOCK_ONLY = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?\s*([ap]\.?m\.?)?", re.IGNORECASE)
PERIOD = re.compile(
    r"(fy\s?)?[12]\d{3}\s*([/-]\s*\d{2,4})?|.*\b[12]\d{3}[\s-]*[qwhs]\d{1,2}|[qwhs]\d{1,2}[\s/-]*[12]?\d?\d\d"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DateFormat:
    """How dates are written: None for ISO 8601, and what the user should check."""

    format: str | None
    remark: str | None = None


def of_strings(strings: pd.Series) -> DateFormat | None:
    """Return the format of *strings* if they are dates: the one that most of them have."""
    distinct = strings.drop_duplicates()
    few = distinct.iloc[:: max(1, len(distinct) // 50)]
    if (
        few.empty
        or few.str.contains(DIGITS_AND_MORE).mean() <= MOST
        or any(casting.numbers(few, decimal).notna().mean() > MOST for decimal in ".,")
    ):
        return None
    shares: dict[str | None, float] = {}
    for form in dict.fromkeys(form for text in few.iloc[:ANCHORS] for form in _candidates(text)):
        if _share(few, form) > MOST:
            shares[form] = _share(distinct, form)
    best = max(shares, key=lambda form: shares[form], default=None)
    return DateFormat(best, _doubt(distinct, best)) if shares.get(best, 0) > MOST else None


def _candidates(text: str) -> list[str | None]:
    """Return the formats in which *text* is a date, the likeliest first."""
    date, clocks = text, [""]
    if parts := CLOCK.fullmatch(text):
        date, between = parts[1], " " if parts[2].isspace() else parts[2]
        clocks = [between + clock for clock in CLOCKS if _fits(parts[3], clock)]
    days = [day for day in DAYS if clocks and _fits(date, day)]
    forms: list[str | None] = [None] if ISO.match(text) and _fits(text, None) else []
    forms += [day + clock for day in days for clock in clocks]
    forms += [form for form in (*MONTHS, *OTHERS) if _fits(text, form)]
    with warnings.catch_warnings(action="ignore"):  # that the day might come first: all forms above come first
        guess = None if forms else guess_datetime_format(text)
    return [guess] if guess and _fits(text, guess) else forms


def _fits(text: str, form: str | None) -> bool:
    try:
        spelling.reader(form)(text)
    except (ValueError, OverflowError, KeyError):
        return False
    return True


def _share(strings: pd.Series, form: str | None) -> float:
    return float(casting.timestamps(strings, form).notna().mean())


def _doubt(distinct: pd.Series, form: str | None) -> str | None:
    """Return what is ambiguous about the format."""
    swapped = next((form.replace(a, b) for a, b in SWAPPED.items() if form and form.startswith(a)), None)
    if swapped is not None and _share(distinct, swapped) == 1:
        return f"day and month could be the other way round; format is {form}"
    if form in ("%b-%y", "%b %y") and distinct.str.extract(r"(\d+)$")[0].astype("Int64").max() <= 31:
        return f"the number could be a day of the month; format is {form}, month and year"
    if form and "%Z" in form and distinct.str.contains(AMBIGUOUS_ZONES).any():
        return "time zones such as EST or CST are read as those of North America"
    return None


def of_digits(name: str, strings: pd.Series) -> DateFormat | None:
    """Return the format if *strings*, which are digits, are dates without separators."""
    distinct = strings.drop_duplicates()
    width = WIDTHS.get(int(distinct.str.len().median()))
    years = distinct.str.slice(0, 4)
    believed = width and (TIME_NAME.search(name) or len(distinct) >= MIN_DISTINCT[width])
    if width and believed and years.between("1800", "2199").mean() > MOST and _share(distinct, width) > MOST:
        return DateFormat(width, f"read as dates, format {width} (or set type: integer)")
    return None


def resemblance(strings: pd.Series) -> str | None:
    """Return what the values of a column look like, if that is a date or a time that is not read."""
    distinct = strings.drop_duplicates().head(1000)
    if distinct.empty:
        return None
    if distinct.str.fullmatch(CLOCK_ONLY).mean() > 0.95:
        return "times of day, which are not read: make numbers of them in load(), such as hours"
    if distinct.str.fullmatch(DATE_LIKE).mean() > 0.9:
        return f"dates that are not read, such as {distinct.iloc[0]!r}: set type: date and format, or rewrite them"
    return None


def periods(strings: pd.Series) -> bool:
    """Return whether all values name months, quarters or years, of which new ones will come."""
    return bool(strings.drop_duplicates().str.fullmatch(PERIOD).all())
