"""Finds the key and the time among the columns."""

import re

import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..data import frame
from . import times
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
