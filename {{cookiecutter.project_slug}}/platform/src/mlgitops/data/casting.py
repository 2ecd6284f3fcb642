"""Reads the cells of one column as its type: numbers, truths, times and texts, however they were delivered."""

import numpy as np
import pandas as pd

from ..contract.column import Column

TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}
AROUND = r"^[$€£¥\s]+|[$€£¥%\s]+$"  # what may stand before and after a number
GROUPED = {  # decimal mark -> 1,234,567.8 with any mark between thousands, also blanks and apostrophes
    ".": r"[-+]?[1-9]\d{0,2}(?:([,\s'\u2019])\d{3})(?:\1\d{3})*(?:\.\d+)?",
    ",": r"[-+]?[1-9]\d{0,2}(?:([.\s'\u2019])\d{3})(?:\1\d{3})*(?:,\d+)?",
}


def typed(cells: pd.Series, column: Column, decimal: str = ".") -> pd.Series:
    """Return one column with the type that the contract declares; see `table.parse`."""
    if column.na_values and not pd.api.types.is_numeric_dtype(cells):
        cells = cells.mask(cells.astype("string").str.strip().isin(column.na_values))
    if column.type in ("number", "integer"):
        found = numbers(cells, decimal)
        return _or_as_delivered(cells, found if column.type == "number" else found.where(found % 1 == 0))
    if column.type in ("datetime", "date"):
        return _or_as_delivered(cells, moments(cells, column.format))
    if column.type == "boolean":
        truths = cells if cells.dtype == bool else cells.astype("string").str.strip().str.lower().map(TRUTHS)
        return _or_as_delivered(cells, truths.astype("boolean"))
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")  # whole numbers became floats only because some cells are empty
    return cells.astype("string").str.strip().replace("", pd.NA)


def numbers(cells: pd.Series, decimal: str = ".") -> pd.Series:
    """Return cells as float64, NaN where one is no number; reads 1,234.5, 12 %, $5, (5) and, by *decimal*, 1.234,5."""
    if pd.api.types.is_timedelta64_dtype(cells):
        return cells.dt.total_seconds()
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    texts = cells.astype("string").str.strip()
    found = pd.to_numeric(texts if decimal == "." else texts.where(texts.str.fullmatch(r"[-+]?\d+")), errors="coerce")
    found = found.astype("float64").replace([np.inf, -np.inf], np.nan)
    rest = (found.isna() & texts.notna()).to_numpy()
    if rest.any():
        found[rest] = pd.to_numeric(_plain(texts[rest], decimal), errors="coerce").astype("float64")
    return found


def _plain(texts: pd.Series, decimal: str) -> pd.Series:
    """Return numbers as people write them as programs write them; NA where one is none."""
    texts = texts.str.replace(r"^\((.+)\)$", r"-\1", regex=True)  # as accountants write it
    texts = texts.str.replace(AROUND, "", regex=True).str.replace(r"^([-+])[$€£¥]\s*", r"\1", regex=True)
    grouped = texts.str.fullmatch(GROUPED[decimal]).fillna(False)
    texts = texts.mask(grouped, texts.str.replace(f"[^-+0-9{decimal}]", "", regex=True))
    texts = (
        texts if decimal == "." else texts.mask(texts.str.contains(".", regex=False)).str.replace(",", ".", regex=False)
    )
    return texts.where(texts.str.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"))


def moments(cells: pd.Series, written: str | None = None) -> pd.Series:
    """Return cells as datetime64 without a zone (one with a zone is moved to UTC), NaT where one is no date.

    They are written as ISO says, or else in the format *written*.
    """
    found = pd.to_datetime(cells, errors="coerce", utc=True, format=written or "ISO8601")
    if written and found.isna().any():
        found = found.fillna(pd.to_datetime(cells, errors="coerce", utc=True, format="ISO8601"))
    return found.dt.tz_localize(None).astype("datetime64[ms]")


def _or_as_delivered(delivered: pd.Series, found: pd.Series) -> pd.Series:
    """Return *found*; where some delivered cell got lost in typing, all cells as objects with that one as text."""
    lost = found.isna() & delivered.notna()
    return found.astype(object).mask(lost, delivered.astype("string")) if lost.any() else found
