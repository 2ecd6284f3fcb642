"""Converts the values of one column, as delivered, to its type: numbers, booleans, timestamps or strings."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from ..contract import as_delivered, spelling, zones
from ..contract.column import NA_VALUES, NUMERIC, TEMPORAL, UNIX, Column
from ..contract.strings import BLANKS, normalized

BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}
MAX_WHOLE = 2.0**63
MILLISECONDS = "datetime64[ms]"  # covers every year that a table may hold


def typed(values: pd.Series, column: Column, decimal: str = ".") -> pd.Series:
    """Return one column with the type that the contract declares; see `frame.parse`."""
    if values.dtype == object and column.type in NUMERIC and decimal == "." and not column.na_values:
        values = _plain(values)
    if _is_text(values):
        values = _without_missing(values, column, decimal)
    if column.type in NUMERIC:
        parsed = numbers(values, decimal, column)
        whole = parsed if column.type == "number" else parsed.where(parsed % 1 == 0)
        return _or_as_delivered(values, whole, parsed.isin(as_delivered.numbers(column, decimal)))
    if column.type in TEMPORAL:
        moments = timestamps(values, column.format, column.time_zone)
        sentinels = np.array(sorted(as_delivered.times(column)), dtype=MILLISECONDS)
        return _or_as_delivered(values, moments, pd.Series(np.isin(moments, sentinels), index=values.index))
    if column.type == "boolean":
        booleans = values if values.dtype == bool else values.astype("string").str.strip().str.lower().map(BOOLEANS)
        return _or_as_delivered(values, booleans.astype("boolean"))
    if pd.api.types.is_float_dtype(values) and _exact(values.dropna()).all():
        values = values.astype("Int64")  # missing values turned whole numbers into floats
    strings = _each(values.astype("string"), lambda text: normalized(text, column.normalize))
    return strings.astype("string").replace("", pd.NA)


def _plain(values: pd.Series) -> pd.Series:
    """Return strings that are all plain numbers, or missing, as numbers; others as they are, for the slower reader."""
    present = values.mask(values.isin(["", *NA_VALUES]))
    parsed = pd.to_numeric(present, errors="coerce").astype("float64")
    return parsed if np.isfinite(parsed).sum() == present.notna().sum() else values


def _without_missing(values: pd.Series, column: Column, decimal: str) -> pd.Series:
    """Return *values* without those that the contract reads as missing: empty ones, and the words of na_values."""
    strings = values.astype("string").str.strip(BLANKS)
    missing = strings.isin(["", *column.missing_words]).fillna(True)
    if "missing" in (column.below_detection, column.above_detection):
        missing |= _each(strings.mask(missing), lambda text: _undetected(text, column, decimal)).notna()
    return values.mask(missing.to_numpy(dtype=bool)) if missing.any() else values


def _undetected(text: str, column: Column, decimal: str) -> bool | None:
    value = spelling.number(text, column, decimal)
    return True if value is not None and np.isnan(value) else None


def _exact(values: pd.Series) -> pd.Series:
    """Return which numbers are whole, and small enough for an integer."""
    return (values % 1 == 0) & (values.abs() < MAX_WHOLE)


def _is_text(values: pd.Series) -> bool:
    return bool(values.dtype == object or pd.api.types.is_string_dtype(values))


def numbers(values: pd.Series, decimal: str = ".", column: Column | None = None) -> pd.Series:
    """Return values as float64, NaN where not a number; strings are read as `spelling.number` reads them."""
    if pd.api.types.is_timedelta64_dtype(values):
        return values.dt.total_seconds()
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    strings = values.astype("string").str.strip()
    plain = strings if decimal == "." else strings.where(strings.str.fullmatch(r"[-+]?\d+"))
    parsed = pd.to_numeric(plain, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
    rest = (parsed.isna() & strings.notna()).to_numpy()
    if rest.any():
        read = _each(strings[rest], lambda text: spelling.number(text, column, decimal))
        parsed[rest] = read.astype("float64")
    return parsed


def timestamps(values: pd.Series, date_format: str | None = None, zone: str | None = zones.UTC_NAME) -> pd.Series:
    """Return values as datetime64 in *zone*, NaT where not a date; without *zone*, also where a time has one.

    The format is ISO 8601, or *date_format*. Years from 1 to 9999 are read.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return _local(values, zone)
    if pd.api.types.is_numeric_dtype(values):
        if date_format in UNIX:
            return _since_1970(values, UNIX[date_format])
        values = values.where(_exact(values)).astype("Int64")
    strings = values.astype("string").str.strip()
    parsed = _quick(strings, date_format, zone)
    rest = (parsed.isna() & strings.notna()).to_numpy()
    if rest.any():
        read = _each(strings[rest], lambda text: spelling.timestamp(text, date_format, zone))
        parsed[rest] = read.to_numpy(dtype=MILLISECONDS)
    return parsed


def _local(moments: pd.Series, zone: str | None) -> pd.Series:
    """Return times of one zone, or of none, in *zone*; NaT if they have one, and the column has none."""
    if getattr(moments.dtype, "tz", None) is not None:
        known = moments.dt.tz_convert(zone or zones.UTC_NAME).dt.tz_localize(None)
        moments = known if zone else known.mask(known.notna())
    return moments.astype(MILLISECONDS)


def _quick(strings: pd.Series, date_format: str | None, zone: str | None) -> pd.Series:
    """Return the times that pandas reads, NaT for the others: no year before 1678 or after 2261."""
    if date_format in UNIX:
        return _since_1970(pd.to_numeric(strings, errors="coerce").astype("float64"), UNIX[date_format])
    if date_format and ("%Z" in date_format or spelling.COMPACT.fullmatch(date_format)):
        return pd.Series(np.full(len(strings), np.datetime64("NaT", "ms")), index=strings.index)
    parsed = _read(strings, date_format or "ISO8601", zone)
    if date_format and parsed.isna().any():
        parsed = parsed.fillna(_read(strings, "ISO8601", zone))
    return parsed


def _read(strings: pd.Series, date_format: str, zone: str | None) -> pd.Series:
    """Return the times that pandas reads, in *zone*; NaT for all if some have a zone and others another or none."""
    utc = zone == zones.UTC_NAME
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of such a mixture, whose type is object
        parsed = pd.to_datetime(strings, errors="coerce", utc=utc, format=date_format)
    if parsed.dtype == object:
        return pd.Series(np.full(len(strings), np.datetime64("NaT", "ms")), index=strings.index)
    return _local(parsed, zone)


def _since_1970(values: pd.Series, milliseconds: float) -> pd.Series:
    elapsed = values.astype("float64") * milliseconds
    first, last = (np.datetime64(year, "ms").astype("int64") for year in ("0001-01-01", "9999-12-31"))
    present = ((elapsed >= first) & (elapsed <= last)).to_numpy()
    moments = np.full(len(elapsed), np.datetime64("NaT", "ms"))
    moments[present] = elapsed[present].round().to_numpy().astype("int64").view(MILLISECONDS)
    return pd.Series(moments, index=elapsed.index)


def _each(strings: pd.Series, read: Callable[[str], object]) -> pd.Series:
    """Return what *read* makes of each string; equal ones are read once."""
    codes, distinct = pd.factorize(strings)
    results = np.empty(len(distinct) + 1, dtype=object)
    results[:-1] = [read(text) for text in distinct]  # the last one is for missing values, whose code is -1
    return pd.Series(results[codes], index=strings.index)


def _or_as_delivered(delivered: pd.Series, converted: pd.Series, missing: pd.Series | None = None) -> pd.Series:
    """Return *converted* without the *missing* values; if others do not fit the type, those stay, as strings."""
    misfits = converted.isna() & delivered.notna()
    if missing is not None and missing.any():
        converted, misfits = converted.mask(missing), misfits & ~missing
    return converted.astype(object).mask(misfits, delivered.astype("string")) if misfits.any() else converted
