"""Infers the type of a column from its values, and whether the model should use it."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..contract.column import NA_VALUES, Column
from ..data import casting, frame
from ..data.arrow_types import in_utf8, is_bytes, to_series
from . import far_dates, guesses, missing_words
from .guesses import Guess
from .profile import ColumnProfile, complete, ignored

SAMPLE_ROWS = 20_000  # values from which the type is guessed; the guess is then checked on all values
MAX_MISFITS = 5  # distinct values that do not fit the type and are then read as missing
MAX_MISFIT_SHARE = 0.02  # of the rows, unless they are placeholders
NUMBER_LIKE = r"[-+(<>]?\s*\W?\s*\d"  # how numbers, dates and times begin
WITHOUT_UNIT = r"^[^\d+-]+|[^\d]+$"


def infer(file: pq.ParquetFile, name: str, decimal: str, markers: frozenset[str] = frozenset()) -> ColumnProfile:
    """Return the profile of the column *name* of *file*, which is written as `reading` returns."""
    kind = file.schema_arrow.field(name).type
    if pa.types.is_nested(kind) or (is_bytes(kind) and in_utf8(file.read([name]).column(0)) is None):
        content = "lists or records" if pa.types.is_nested(kind) else "bytes"
        return ColumnProfile(ignored(f"contains {content}"), pd.Series(dtype="object"))
    sampled = _filled(sample(file, name))
    if sampled.empty:
        sampled = _filled(_strings(frame.read(file, name, None)))
    remarks: list[str] = []
    for guess in guesses.of(name, sampled, decimal) if len(sampled) else ():
        values = frame.read(file, name, Column.model_validate(guess.entry), decimal)
        misfits = _misfits(values)
        if _negligible(misfits, int(values.notna().sum())):
            profile = ColumnProfile(dict(guess.entry), values, resembles=guess.resembles)
            _resolve(file, name, profile, misfits, decimal, markers)
            profile.reading = [f"{name}: {remark}" for remark in guess.remarks]
            profile.remarks += [*profile.reading, *(f"{name}: {remark}" for remark in remarks)]
            return complete(name, profile)
        remarks.append(_unread(guess, misfits))
    return ColumnProfile(ignored("no value in any row"), sampled)


def _resolve(
    file: pq.ParquetFile, name: str, profile: ColumnProfile, misfits: pd.Series, decimal: str, markers: frozenset[str]
) -> None:
    """Decide which values of a column, whose type is known, mean a missing one, and read it without these."""
    entry, delivered = profile.entry, partial(frame.read, file, name, None)
    na_values: list[str] = []
    if entry["type"] == "category":
        words = missing_words.decide(name, profile.values, markers)
        profile.remarks += words.remarks
        na_values = words.na_values or []
        if words.na_values is None:
            del entry["na_values"]
    if len(misfits):
        listed = ", ".join(f"{value} ({count:,} rows)" for value, count in misfits.items())
        profile.remarks.append(f"{name}: {listed} read as missing (na_values)")
        usual = set(NA_VALUES).intersection(_strings(delivered()).dropna().unique())
        na_values = sorted({*misfits.index, *usual})  # in a category, the list replaces the usual words
        profile.values = _read(file, name, entry, na_values, decimal)
    if entry["type"] == "datetime":
        far = far_dates.decide(name, delivered, profile.values)
        profile.remarks += far.remarks
        na_values += far.na_values
    if na_values:
        profile.values = _read(file, name, entry, na_values, decimal)


def _read(file: pq.ParquetFile, name: str, entry: dict[str, Any], na_values: list[str], decimal: str) -> pd.Series:
    """Return a column without its *na_values*, which go into its *entry*."""
    entry["na_values"] = na_values
    return frame.read(file, name, Column.model_validate(entry), decimal)


def sample(file: pq.ParquetFile, name: str) -> pd.Series:
    """Return about SAMPLE_ROWS values as delivered, evenly spaced; objects become strings."""
    step = -(-file.metadata.num_rows // SAMPLE_ROWS)
    chunks = [batch.column(0).take(np.arange(0, len(batch), step)) for batch in file.iter_batches(columns=[name])]
    values = pa.chunked_array(chunks, file.schema_arrow.field(name).type)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        return to_series(values).astype("string")
    return _strings(to_series(values))


def _strings(values: pd.Series) -> pd.Series:
    """Return objects as strings without outer blanks, other values as they are."""
    text = values.dtype == object or pd.api.types.is_string_dtype(values)
    return values.astype("string").str.strip() if text else values


def _filled(values: pd.Series) -> pd.Series:
    """Return the values that are not missing, nor words for it."""
    values = values.dropna()
    return values[~values.isin(["", *NA_VALUES])] if values.dtype == "string" else values


def _misfits(values: pd.Series) -> pd.Series:
    """Return how often each value occurs that does not fit the type, which is left as a string."""
    if values.dtype != object:
        return pd.Series(dtype="int64")
    return values[[isinstance(value, str) for value in values]].astype("string").str.strip().value_counts()


def _negligible(misfits: pd.Series, rows: int) -> bool:
    """Return whether the values that do not fit are so few that they mean missing ones."""
    placeholders = {str(misfit).lower() for misfit in misfits.index} <= guesses.PLACEHOLDERS
    return len(misfits) <= MAX_MISFITS and bool(placeholders or misfits.sum() <= MAX_MISFIT_SHARE * rows)


def _unread(guess: Guess, misfits: pd.Series) -> str:
    kind = {"datetime": "dates", "number": "numbers"}.get(guess.entry["type"], guess.entry["type"])
    listed = ", ".join(map(repr, misfits.index[:3]))
    return f"looks like {kind}, but {misfits.sum():,} rows are none, such as {listed}: na_values can list these"


def reading(file: pq.ParquetFile) -> tuple[str, frozenset[str]]:
    """Return the decimal separator of the table, and the words that mean missing among its numbers.

    The separator is that with which more columns of strings are numbers.
    """
    need, markers = {".": 0, ",": 0}, set[str]()
    for name in file.schema_arrow.names:
        kind = file.schema_arrow.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        delivered = sample(file, name).dropna()
        strings = _filled(delivered).drop_duplicates().iloc[:1000]
        if len(strings) and strings.str.match(NUMBER_LIKE).mean() > 0.9:
            markers |= set(delivered[delivered.isin(NA_VALUES)].unique())
        if mark := _mark(strings):
            need[mark] += 1
    return "," if need[","] > need["."] else ".", frozenset(markers)


def _mark(strings: pd.Series) -> str | None:
    """Return the decimal separator with which more *strings* are numbers, perhaps after what is no unit."""
    for values in (strings, strings.str.replace(WITHOUT_UNIT, "", regex=True)) if len(strings) else ():
        shares = {mark: casting.numbers(values, mark).notna().mean() for mark in ".,"}
        best = max(shares, key=lambda mark: shares[mark])
        if shares[best] > 0.5:
            return best if shares["."] != shares[","] else None
    return None
