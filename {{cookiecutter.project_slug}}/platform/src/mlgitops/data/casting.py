"""Converts the values of one column, as delivered, to its type: numbers, booleans, timestamps or strings."""

import numpy as np
import pandas as pd

from ..contract.column import Column

BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}
AFFIXES = r"^[$€£¥\s]+|[$€£¥%\s]+$"  # allowed before and after a number
GROUPED = {  # decimal separator -> 1,234,567.8 with any thousands separator, also spaces and apostrophes
    ".": r"[-+]?[1-9]\d{0,2}(?:([,\s'\u2019])\d{3})(?:\1\d{3})*(?:\.\d+)?",
    ",": r"[-+]?[1-9]\d{0,2}(?:([.\s'\u2019])\d{3})(?:\1\d{3})*(?:,\d+)?",
}


def typed(values: pd.Series, column: Column, decimal: str = ".") -> pd.Series:
    """Return one column with the type that the contract declares; see `frame.parse`."""
    if column.na_values and not pd.api.types.is_numeric_dtype(values):
        values = values.mask(values.astype("string").str.strip().isin(column.na_values))
    if column.type in ("number", "integer"):
        parsed = numbers(values, decimal)
        return _or_as_delivered(values, parsed if column.type == "number" else parsed.where(parsed % 1 == 0))
    if column.type in ("datetime", "date"):
        return _or_as_delivered(values, timestamps(values, column.format))
    if column.type == "boolean":
        booleans = values if values.dtype == bool else values.astype("string").str.strip().str.lower().map(BOOLEANS)
        return _or_as_delivered(values, booleans.astype("boolean"))
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # missing values turned whole numbers into floats
    return values.astype("string").str.strip().replace("", pd.NA)


def numbers(values: pd.Series, decimal: str = ".") -> pd.Series:
    """Return values as float64, NaN where not a number; reads 1,234.5, 12 %, $5, (5) and, by *decimal*, 1.234,5."""
    if pd.api.types.is_timedelta64_dtype(values):
        return values.dt.total_seconds()
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    strings = values.astype("string").str.strip()
    parsed = pd.to_numeric(
        strings if decimal == "." else strings.where(strings.str.fullmatch(r"[-+]?\d+")), errors="coerce"
    )
    parsed = parsed.astype("float64").replace([np.inf, -np.inf], np.nan)
    rest = (parsed.isna() & strings.notna()).to_numpy()
    if rest.any():
        parsed[rest] = pd.to_numeric(_plain(strings[rest], decimal), errors="coerce").astype("float64")
    return parsed


def _plain(strings: pd.Series, decimal: str) -> pd.Series:
    """Normalize numbers written by people, such as 1,234.5, to plain decimals; NA where not a number."""
    strings = strings.str.replace(r"^\((.+)\)$", r"-\1", regex=True)  # "(5)" is -5 in accounting notation
    strings = strings.str.replace(AFFIXES, "", regex=True).str.replace(r"^([-+])[$€£¥]\s*", r"\1", regex=True)
    grouped = strings.str.fullmatch(GROUPED[decimal]).fillna(False)
    strings = strings.mask(grouped, strings.str.replace(f"[^-+0-9{decimal}]", "", regex=True))
    strings = (
        strings
        if decimal == "."
        else strings.mask(strings.str.contains(".", regex=False)).str.replace(",", ".", regex=False)
    )
    return strings.where(strings.str.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"))


def timestamps(values: pd.Series, date_format: str | None = None) -> pd.Series:
    """Return values as datetime64 without a time zone (converted to UTC), NaT where not a date.

    The format is ISO 8601, or *date_format*.
    """
    parsed = pd.to_datetime(values, errors="coerce", utc=True, format=date_format or "ISO8601")
    if date_format and parsed.isna().any():
        parsed = parsed.fillna(pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601"))
    return parsed.dt.tz_localize(None).astype("datetime64[ms]")


def _or_as_delivered(delivered: pd.Series, converted: pd.Series) -> pd.Series:
    """Return *converted*; if values do not fit the type, as an object column that keeps those as strings."""
    misfits = converted.isna() & delivered.notna()
    return converted.astype(object).mask(misfits, delivered.astype("string")) if misfits.any() else converted
