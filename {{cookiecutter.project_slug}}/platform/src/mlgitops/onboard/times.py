"""Proposes the time of a row: a date, a year, or the parts of a date in columns of their own."""

import re
from itertools import chain, count
from typing import Any

from .profile import CONSTANT, ColumnProfile
from .ranges import is_year, words

OTHER_TIME_NAME = re.compile(r"birth|dob|born|built|expir|due|until|end", re.IGNORECASE)
PARTS = ("year", "month", "day", "hour", "minute", "second")
NAMES = {
    "year": r"year|yr|yyyy", "month": r"month|mon|mth|mm", "day": r"day|dd|day_of_month|dayofmonth|dom|mday",
    "hour": r"hour|hr|hh", "minute": r"minute|min", "second": r"second|sec",
}  # fmt: skip
LIMITS = {"year": (1000, 2200), "month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
EFFECT = "the newest rows are the test part instead of rows at random"


def dates(profiles: dict[str, ColumnProfile]) -> list[str]:
    """Return the dates that could order the rows: those without a gap whose name means nothing else."""
    return [
        name
        for name, profile in profiles.items()
        if profile.entry["type"] in ("date", "datetime")
        and not {"missing", "ignore"} & set(profile.entry)
        and not OTHER_TIME_NAME.search(name)
    ]


def proposals(profiles: dict[str, ColumnProfile]) -> list[str]:
    """Return a remark on the columns that could order the rows, if there are such."""
    names = dates(profiles) or [name for name in profiles if _is_year(name, profiles)]
    if not names:
        return []
    listed = " or ".join(names)
    return [f"{listed} could be the time of a row: with TIME='{names[0]}', {EFFECT}"]


def as_date(name: str, profiles: dict[str, ColumnProfile]) -> None:
    """Make a date of the whole numbers in the column *name* if they are years, so that they can order the rows."""
    if _is_year(name, profiles):
        missing = {key: value for key, value in profiles[name].entry.items() if key == "missing"}
        profiles[name].entry = {"type": "date", "format": "%Y", "parts": ["days"], **missing}


def joined(profiles: dict[str, ColumnProfile]) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the entry of the time whose parts are columns of their own, from year and month on."""
    parts: list[str] = []
    for part in PARTS:
        columns = [name for name, profile in profiles.items() if _holds(part, name, profile)]
        if len(columns) != 1:
            break
        parts += columns
    if len(parts) < 2:
        return None
    kind, reason = ("date" if len(parts) < 4 else "datetime"), "orders the rows; its parts are features"
    name = next(name for name in chain(("date", "time"), (f"time {n}" for n in count(2))) if name not in profiles)
    return name, {"type": kind, "join": parts, "ignore": reason}


def _holds(part: str, name: str, profile: ColumnProfile) -> bool:
    entry, (first, last) = profile.entry, LIMITS[part]
    if "missing" in entry or not (entry["type"] == "integer" or entry.get("ignore") == CONSTANT):
        return False
    if not re.fullmatch(NAMES[part], words(name)):
        return False
    return bool(profile.first >= first and profile.last <= last)


def _is_year(name: str, profiles: dict[str, ColumnProfile]) -> bool:
    profile = profiles[name]
    whole = profile.entry["type"] == "integer" and not OTHER_TIME_NAME.search(name)
    return whole and "missing" not in profile.entry and is_year(name, profile.first, profile.last)
