"""Infers what one column holds, and whether the model should see it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.column import Column
from ..data import casting, frame
from .profile import Found, described, ignored

SAMPLE = 50_000  # cells from which the type is guessed; then all of them are held against the guess
UNKNOWN = {  # what people write where they know nothing
    "?", "-", "--", "---", ".", "*", "x", "unknown", "unk", "missing", "none", "nil", "na", "n.a.", "n/a", "nan",
    "null", "(null)", "tbd", "not available", "not applicable",
    "#n/a", "#value!", "#div/0!", "#ref!", "inf", "-inf", "infinity",
    "9999-12-31", "9999-12-31 00:00:00", "31.12.9999", "31/12/9999", "12/31/9999", "0000-00-00", "0000-00-00 00:00:00",
}  # fmt: skip
DAYS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
]  # fmt: skip
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S"]
ISO = None  # with or without clock and zone
FORMATS = [ISO, *(day + clock for day in DAYS for clock in CLOCKS)]
SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}


def infer(file: pq.ParquetFile, name: str, decimal: str) -> Found:
    """Return what the column *name* of *file* holds."""
    kind = file.schema_arrow.field(name).type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        what = "lists or records" if pa.types.is_nested(kind) else "bytes"
        return Found(ignored(f"holds {what}"), pd.Series(dtype="object"))
    some = sample(file, name).dropna()
    if some.empty:
        some = frame.read(file, name, None).dropna()
    for entry in _guesses(name, some, decimal) if len(some) else ():
        cells = frame.read(file, name, Column.model_validate(entry), decimal)
        odd = cells[[isinstance(cell, str) for cell in cells]] if cells.dtype == object else cells[:0]
        words = sorted(odd.str.strip().unique()) if len(odd) else []
        known = {word.lower() for word in words} <= UNKNOWN
        if not words or (len(words) <= 5 and (known or len(odd) <= 0.02 * cells.notna().sum())):
            break
    else:
        return Found(ignored("no value in any row"), some)
    if words:
        entry["na_values"] = words
        cells = frame.read(file, name, Column.model_validate(entry), decimal)
    found = Found(entry, cells)
    if words and not known:
        found.unsure.append(f"{name}: {', '.join(words)} stand for an empty cell among numbers or dates")
    if _ambiguous(some, entry.get("format")):
        found.unsure.append(f"{name}: day and month could be the other way round; format says {entry['format']}")
    return described(name, found)


def sample(file: pq.ParquetFile, name: str) -> pd.Series:
    """Return at most about SAMPLE delivered cells, evenly spaced; objects are text."""
    step = -(-file.metadata.num_rows // SAMPLE)
    parts = [part.column(0).take(np.arange(0, len(part), step)) for part in file.iter_batches(columns=[name])]
    cells: pd.Series = pa.chunked_array(parts, file.schema_arrow.field(name).type).to_pandas()
    return cells.astype("string").str.strip() if cells.dtype == object else cells


def _guesses(name: str, some: pd.Series, decimal: str) -> Iterable[dict[str, Any]]:
    """Yield the entries that *some* cells suggest, the likeliest first."""
    if pd.api.types.is_bool_dtype(some):
        yield {"type": "boolean"}
    elif pd.api.types.is_datetime64_any_dtype(some):
        yield {"type": "datetime"}
    elif pd.api.types.is_numeric_dtype(some) or pd.api.types.is_timedelta64_dtype(some):
        yield {"type": "number"}
    else:
        texts = some.astype("string")
        if set(texts.str.lower().unique()) <= {"true", "false"}:
            yield {"type": "boolean"}
        is_date, way = _date_format(texts[~texts.str.lower().isin(UNKNOWN)])
        if is_date and (way != "%Y%m%d" or "date" in name.lower()):
            yield {"type": "datetime"} | ({"format": way} if way else {})
        coded = texts.str.match(r"[-+]?0\d").any()  # 00123 is a code, not a number
        if not coded and casting.numbers(texts, decimal).notna().mean() > 0.5:
            yield {"type": "number"}
    yield {"type": "category"}


def _date_format(texts: pd.Series) -> tuple[bool, str | None]:
    """Return whether *texts* are dates, and the format in which they are written (None for ISO)."""
    some = texts.drop_duplicates()
    few = some.iloc[:: max(1, len(some) // 50)]
    if not few.str.contains(r"\d.*\D.*\d", regex=True).all():  # a day has two numbers, or a number and a name
        return False, None
    for way in FORMATS:
        if casting.timestamps(few, way).notna().all() and casting.timestamps(some, way).notna().mean() > 0.9:
            return True, way
    return False, None


def _ambiguous(texts: pd.Series, way: str | None) -> bool:
    """Return whether day and month could be the other way round in every cell."""
    other = next((way.replace(a, b) for a, b in SWAPPED.items() if way and way.startswith(a)), None)
    return other is not None and bool(casting.timestamps(texts.drop_duplicates(), other).notna().all())


def decimal_mark(file: pq.ParquetFile) -> str:
    """Return the decimal mark of a table: what more columns of text need to be numbers."""
    need = {".": 0, ",": 0}
    for name in file.schema_arrow.names:
        if pa.types.is_string(file.schema_arrow.field(name).type):
            some = sample(file, name).dropna().drop_duplicates().iloc[:1000]
            shares = {mark: casting.numbers(some, mark).notna().mean() for mark in need} if len(some) else need
            best = max(shares, key=lambda mark: shares[mark])
            need[best] += shares[best] > 0.5 and shares["."] != shares[","]
    return "," if need[","] > need["."] else "."
