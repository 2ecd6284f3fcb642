"""Finds the columns that identify a row, and the one that says when it happened."""

import re

import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..data import frame
from .profile import Found

MOMENT = re.compile(r"date|time|when|timestamp|created|month|day", re.IGNORECASE)
OTHER_MOMENT = re.compile(r"birth|dob|born|built|expir|due|until|end", re.IGNORECASE)


def find_key(file: pq.ParquetFile, found: dict[str, Found], wish: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key that the user asked for, or the first column that identifies every row, if there is one.

    Raises ProjectError where the *wish* does not identify every row: shared, or empty in part.
    """
    if not wish:
        return next(((name,) for name, what in found.items() if what.identifies), ())
    rows = pd.DataFrame({name: frame.read(file, name, Column(type="text")) for name in wish})
    wrong = rows[rows.duplicated(keep=False) | rows.isna().any(axis=1)]
    if len(wrong):
        first = "; ".join(", ".join(map(str, row)) for row in wrong.head(3).itertuples(index=False))
        raise ProjectError(f"KEY={','.join(wish)}: {len(wrong)} rows share their key, or lack it; the first: {first}")
    return wish


def find_time(found: dict[str, Found], wish: str | None) -> str | None:
    """Return the time that the user asked for, or the column that says when a row happened, if one surely does."""
    if wish == "none":
        return None
    if wish:
        if found[wish].entry["type"] not in ("date", "datetime"):
            raise ProjectError(f"TIME={wish}: the column holds no dates or times that can be read")
        return wish
    moments = [
        name
        for name, what in found.items()
        if what.entry["type"] in ("date", "datetime")
        and "missing" not in what.entry
        and "ignore" not in what.entry
        and MOMENT.search(name)
        and not OTHER_MOMENT.search(name)
    ]
    return moments[0] if len(moments) == 1 else None
