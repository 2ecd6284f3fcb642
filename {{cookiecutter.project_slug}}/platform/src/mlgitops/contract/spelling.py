"""Reads a number or a time as people and databases write it, by what the contract says of the column.

The table's reader and the service share these functions, so that both understand the same spellings. They need the
standard library only, because the scoring image has no pandas.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from . import zones
from .column import UNIX, Column

EPOCH = datetime(1970, 1, 1)
DIGITS = {first + digit: str(digit) for first in (0x660, 0x6F0, 0x966, 0xFF10) for digit in range(10)}  # of Asia
SIGNS = DIGITS | str.maketrans(
    dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-") | dict.fromkeys("\u00a0\u202f\u2009", " ")
)
GROUPED = {  # decimal separator -> digits with any thousands separator, also spaces and apostrophes; Indian groups
    ".": re.compile(r"[1-9]\d{0,2}([, '\u2019])\d{3}(\1\d{3})*(\.\d+)?|[1-9]\d?(,\d{2})+,\d{3}(\.\d+)?"),
    ",": re.compile(r"[1-9]\d{0,2}([. '\u2019])\d{3}(\1\d{3})*(,\d+)?"),
}
PLAIN = re.compile(r"(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
LIMIT = re.compile(r"(<=|>=|[<>\u2264\u2265])\s*(.+)|(.+?)\s*\+")
ZONES = {  # abbreviations -> minutes east of Greenwich; those of RFC 2822, and of Europe, Japan and Australia
    "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180, "MSK": 180,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AKST": -540, "AKDT": -480, "HST": -600, "JST": 540, "AEST": 600, "AEDT": 660,
}  # fmt: skip
ZONE = re.compile(rf"\b({'|'.join(ZONES)})\b|\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_/]+")
WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, "%y": 2}  # of formats without separators
COMPACT = re.compile(rf"({'|'.join(WIDTHS)})+")
LONG_FRACTION = re.compile(r"(\.\d{6})\d+")  # strptime reads microseconds at most


def number(text: str, column: Column | None = None, decimal: str = ".") -> float | None:
    """Return the number that *text* spells, NaN for one to be read as missing, None if it is no number.

    Reads 1,234.5, 12 %, $5, (5) and, by *decimal*, 1.234,5; with *column* also its unit, multipliers and limits.
    """
    text, share = text.translate(SIGNS).strip(), 1.0
    if column and (column.below_detection or column.above_detection) and (limit := LIMIT.fullmatch(text)):
        below = limit[1] in ("<", "<=", "\u2264")
        choice = column.below_detection if below else column.above_detection
        if choice == "missing":
            return float("nan")
        if choice:
            text, share = limit[2] or limit[3], {"half": 0.5, "zero": 0.0, "limit": 1.0}[choice]
    if column and column.unit:
        text = _without(text, column.unit.translate(SIGNS))
    factor = 1.0
    for letters, multiplier in (column.multipliers or {}).items() if column else ():
        if text.endswith(letters) and text[: -len(letters)].rstrip()[-1:].isdigit():
            text, factor = text[: -len(letters)].rstrip(), multiplier
            break
    value = _plain(text, decimal)
    return value if value is None or share == factor == 1.0 else value * factor * share


def _without(text: str, unit: str) -> str:
    """Return *text* without the *unit* before or after it; a sign may come before the unit."""
    if text.endswith(unit):
        return text[: -len(unit)].rstrip()
    sign, rest = (text[0], text[1:].lstrip()) if text[:1] in ("-", "+") else ("", text)
    return sign + rest[len(unit) :].lstrip() if rest.startswith(unit) else text


def _plain(text: str, decimal: str) -> float | None:
    """Return the number without a unit in *text*; the sign may come last, or be the parentheses of accountants."""
    negative = False
    if len(text) > 2 and text[0] == "(" and text[-1] == ")":
        text, negative = text[1:-1], True
    text = _amount(text)
    if text[:1] in ("-", "+"):
        text, negative = _amount(text[1:]), negative != (text[0] == "-")
    elif text[-1:] == "-":
        text, negative = _amount(text[:-1]), not negative
    if GROUPED[decimal].fullmatch(text):
        text = re.sub(f"[^0-9{decimal}]", "", text)
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    if not PLAIN.fullmatch(text):
        return None
    value = float(text)
    return None if value == float("inf") else -value if negative else value


def _amount(text: str) -> str:
    """Return *text* without blanks, currency symbols and percent signs around it."""
    start, end = 0, len(text)
    while start < end and _around(text[start]):
        start += 1
    while end > start and (text[end - 1] == "%" or _around(text[end - 1])):
        end -= 1
    return text[start:end]


def _around(character: str) -> bool:
    return not character.isalnum() and (character.isspace() or unicodedata.category(character) == "Sc")


def timestamp(text: str, date_format: str | None = None, zone: str | None = zones.UTC_NAME) -> datetime | None:
    """Return the time (years 1 to 9999) that *text* spells in *date_format* or as ISO 8601, in *zone*, or None."""
    moment = formatted(text, date_format, zone) if date_format else None
    return formatted(text, None, zone) if moment is None else moment


def formatted(text: str, date_format: str | None, zone: str | None = zones.UTC_NAME) -> datetime | None:
    """Return the time that *text* spells in *date_format*, None for ISO 8601, in *zone*; None if it is none."""
    try:
        return zones.local(reader(date_format)(text.strip()), zone)
    except (ValueError, OverflowError, KeyError):
        return None


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


@cache
def reader(date_format: str | None) -> Callable[[str], datetime]:
    """Return the function that reads a time in *date_format*; it raises ValueError, OverflowError or KeyError."""
    if date_format is None:
        return _iso
    if date_format in UNIX:
        return lambda text: EPOCH + timedelta(milliseconds=round(float(text) * UNIX[date_format]))
    if COMPACT.fullmatch(date_format):
        width = sum(WIDTHS[date_format[i : i + 2]] for i in range(0, len(date_format), 2))
        return lambda text: _compact(text, date_format, width)
    if "%Z" in date_format:
        rest = date_format.replace("%Z", "").strip()
        return lambda text: _zoned(text, rest)
    return lambda text: datetime.strptime(LONG_FRACTION.sub(r"\1", text), date_format)


def _compact(text: str, date_format: str, width: int) -> datetime:
    if len(text) != width:
        raise ValueError(f"{text!r} has not {width} digits")
    return datetime.strptime(text, date_format)


def _zoned(text: str, rest: str) -> datetime:
    """Return the time in *text*, whose zone has a name: an abbreviation of ZONES, or one such as Europe/Prague."""
    name = ZONE.search(text)
    if name is None:
        raise ValueError(f"{text!r} names no known time zone")
    moment = datetime.strptime(LONG_FRACTION.sub(r"\1", f"{text[: name.start()]}{text[name.end() :]}".strip()), rest)
    zone: tzinfo = timezone(timedelta(minutes=ZONES[name[0]])) if name[0] in ZONES else ZoneInfo(name[0])
    return moment.replace(tzinfo=zone)
