"""Finds the key, the time and the group among the columns."""

import re

import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..data import frame
from . import times
from .identifiers import group
from .profile import ColumnProfile

TIME_NAME = re.compile(r"date|time|when|timestamp|created|month|day", re.IGNORECASE)


def find_key(file: pq.ParquetFile, profiles: dict[str, ColumnProfile], choice: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key that the user chose, or the first column that identifies every row, if there is one.

    Raises ProjectError if the *choice* does not identify every row, because keys are repeated or missing.
    """
    if not choice:
        return next(((name,) for name, profile in profiles.items() if profile.identifies), ())
    columns = {name: Column(type="text", na_values=profiles[name].entry.get("na_values")) for name in choice}
    rows = pd.DataFrame({name: frame.read(file, name, column) for name, column in columns.items()})
    wrong = rows[rows.duplicated(keep=False) | rows.isna().any(axis=1)]
    if len(wrong):
        first = "; ".join(", ".join(map(str, row)) for row in wrong.head(3).itertuples(index=False))
        raise ProjectError(f"KEY={','.join(choice)}: {len(wrong)} rows repeat or lack a key; the first: {first}")
    return choice


def find_time(profiles: dict[str, ColumnProfile], choice: str | None) -> str | None:
    """Return the time that the user chose, or the only complete date column whose name suggests it, if there is one.

    Without a date, a time is added that joins the columns with its parts, if there are such.
    """
    if choice == "none":
        return None
    if choice:
        times.as_date(choice, profiles)
        if profiles[choice].entry["type"] not in ("date", "datetime"):
            raise ProjectError(f"TIME={choice}: the column contains no dates or times in a known format")
        return choice
    dates = times.dates(profiles)
    named = [name for name in dates if TIME_NAME.search(name)]
    if not dates and (parts := times.joined(profiles)):
        name, entry = parts
        profiles[name] = ColumnProfile(entry, pd.Series(dtype="object"))
        return name
    return named[0] if len(named) == 1 else None


def find_group(
    profiles: dict[str, ColumnProfile], candidates: dict[str, int], choice: str | None, others: tuple[str | None, ...]
) -> str | None:
    """Return the group that the user chose, or the column whose values name what several rows belong to, if any.

    *candidates* are the numbers of groups by column; *others* are columns with a role, which are not taken unasked.
    """
    if choice:
        return None if choice == "none" else choice
    left = {name: count for name, count in candidates.items() if name not in others}
    best = group(left)
    usable = [name for name, profile in profiles.items() if "ignore" not in profile.entry and name != best]
    return best if any(name not in others for name in usable) else None


def repeats(name: str, groups: int, rows: int, time: str | None) -> str:
    """Return the remark on a column whose values repeat; with a time, the split keeps to that."""
    several = f"{name} repeats ({groups:,} values in {rows:,} rows)"
    if time:
        return (
            f"{several}: the split by {time} puts rows of one in both parts; set GROUP='{name}' to keep them together"
        )
    return f"{several}: rows of one stay in the same part of the split, as group (or set GROUP=none)"
