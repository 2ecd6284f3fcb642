"""Infers the type of a column from its values, and whether the model should use it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.column import Column
from ..data import casting, frame
from .profile import ColumnProfile, complete, ignored

SAMPLE_ROWS = 50_000  # values from which the type is guessed; the guess is then checked on all values
PLACEHOLDERS = {  # common spellings of a missing value, in lower case
    "?", "-", "--", "---", ".", "*", "x", "unknown", "unk", "missing", "none", "nil", "na", "n.a.", "n/a", "nan",
    "null", "(null)", "tbd", "not available", "not applicable",
    "#n/a", "#value!", "#div/0!", "#ref!", "inf", "-inf", "infinity",
    "9999-12-31", "9999-12-31 00:00:00", "31.12.9999", "31/12/9999", "12/31/9999", "0000-00-00", "0000-00-00 00:00:00",
}  # fmt: skip
DATES = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
]  # fmt: skip
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S"]
ISO = None  # with or without time of day and time zone
FORMATS = [ISO, *(day + clock for day in DATES for clock in CLOCKS)]
SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}


def infer(file: pq.ParquetFile, name: str, decimal: str) -> ColumnProfile:
    """Return the profile of the column *name* of *file*."""
    kind = file.schema_arrow.field(name).type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        content = "lists or records" if pa.types.is_nested(kind) else "bytes"
        return ColumnProfile(ignored(f"contains {content}"), pd.Series(dtype="object"))
    sampled = sample(file, name).dropna()
    if sampled.empty:
        sampled = frame.read(file, name, None).dropna()
    for entry in _guesses(name, sampled, decimal) if len(sampled) else ():
        values = frame.read(file, name, Column.model_validate(entry), decimal)
        odd = values[[isinstance(cell, str) for cell in values]] if values.dtype == object else values[:0]
        misfits = sorted(odd.str.strip().unique()) if len(odd) else []
        placeholders = {misfit.lower() for misfit in misfits} <= PLACEHOLDERS
        if not misfits or (len(misfits) <= 5 and (placeholders or len(odd) <= 0.02 * values.notna().sum())):
            break
    else:
        return ColumnProfile(ignored("no value in any row"), sampled)
    if misfits:
        entry["na_values"] = misfits
        values = frame.read(file, name, Column.model_validate(entry), decimal)
    profile = ColumnProfile(entry, values)
    if misfits and not placeholders:
        profile.remarks.append(f"{name}: {', '.join(misfits)} counted as missing among numbers or dates")
    if _ambiguous(sampled, entry.get("format")):
        profile.remarks.append(f"{name}: day and month could be the other way round; format is {entry['format']}")
    return complete(name, profile)


def sample(file: pq.ParquetFile, name: str) -> pd.Series:
    """Return about SAMPLE_ROWS values as delivered, evenly spaced; objects become strings."""
    step = -(-file.metadata.num_rows // SAMPLE_ROWS)
    chunks = [batch.column(0).take(np.arange(0, len(batch), step)) for batch in file.iter_batches(columns=[name])]
    values: pd.Series = pa.chunked_array(chunks, file.schema_arrow.field(name).type).to_pandas()
    return values.astype("string").str.strip() if values.dtype == object else values


def _guesses(name: str, values: pd.Series, decimal: str) -> Iterable[dict[str, Any]]:
    """Yield the contract entries that fit the *values* of a sample, the likeliest first."""
    if pd.api.types.is_bool_dtype(values):
        yield {"type": "boolean"}
    elif pd.api.types.is_datetime64_any_dtype(values):
        yield {"type": "datetime"}
    elif pd.api.types.is_numeric_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        yield {"type": "number"}
    else:
        strings = values.astype("string")
        if set(strings.str.lower().unique()) <= {"true", "false"}:
            yield {"type": "boolean"}
        is_date, date_format = _date_format(strings[~strings.str.lower().isin(PLACEHOLDERS)])
        if is_date and (date_format != "%Y%m%d" or "date" in name.lower()):
            yield {"type": "datetime"} | ({"format": date_format} if date_format else {})
        coded = strings.str.match(r"[-+]?0\d").any()  # 00123 is a code, not a number
        if not coded and casting.numbers(strings, decimal).notna().mean() > 0.5:
            yield {"type": "number"}
    yield {"type": "category"}


def _date_format(strings: pd.Series) -> tuple[bool, str | None]:
    """Return whether *strings* are dates, and their format (None for ISO 8601)."""
    distinct = strings.drop_duplicates()
    few = distinct.iloc[:: max(1, len(distinct) // 50)]
    if not few.str.contains(r"\d.*\D.*\d", regex=True).all():  # a date has two numbers, or a number and a name
        return False, None
    for form in FORMATS:
        if casting.timestamps(few, form).notna().all() and casting.timestamps(distinct, form).notna().mean() > 0.9:
            return True, form
    return False, None


def _ambiguous(strings: pd.Series, form: str | None) -> bool:
    """Return whether day and month could be swapped in all values."""
    swapped = next((form.replace(a, b) for a, b in SWAPPED.items() if form and form.startswith(a)), None)
    return swapped is not None and bool(casting.timestamps(strings.drop_duplicates(), swapped).notna().all())


def decimal_mark(file: pq.ParquetFile) -> str:
    """Return the decimal separator with which more columns of strings are numbers."""
    need = {".": 0, ",": 0}
    for name in file.schema_arrow.names:
        if pa.types.is_string(file.schema_arrow.field(name).type):
            strings = sample(file, name).dropna().drop_duplicates().iloc[:1000]
            shares = {mark: casting.numbers(strings, mark).notna().mean() for mark in need} if len(strings) else need
            best = max(shares, key=lambda mark: shares[mark])
            need[best] += shares[best] > 0.5 and shares["."] != shares[","]
    return "," if need[","] > need["."] else "."
