"""Gives the columns of a table the types that the contract declares."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .column import Column
from .contract import Contract
from .rows import encode

TEXT = pd.StringDtype("pyarrow")  # takes a fifth of the memory of "string", and is written to the same bytes
PART = 1 << 18  # rows whose delivered cells are in memory at once
TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}
AROUND = r"^[$€£¥\s]+|[$€£¥%\s]+$"  # what may stand before and after a number
GROUPED = {  # decimal mark -> 1,234,567.8 with any mark between thousands, also blanks and apostrophes
    ".": r"[-+]?[1-9]\d{0,2}(?:([,\s'\u2019])\d{3})(?:\1\d{3})*(?:\.\d+)?",
    ",": r"[-+]?[1-9]\d{0,2}(?:([.\s'\u2019])\d{3})(?:\1\d{3})*(?:,\d+)?",
}


def load(raw: Path, contract: Contract, names: list[str] | None = None) -> pd.DataFrame:
    """Return the table that ingest wrote with the contract's types, one column after the other; see `parse`."""
    file = pq.ParquetFile(raw)
    names = file.schema_arrow.names if names is None else names
    return pd.DataFrame(
        {name: read(file, name, contract.columns.get(name), contract.decimal) for name in names}, copy=False
    )


def hashes(rows: pd.DataFrame | pd.Series) -> np.ndarray:
    """Return a number for each row that depends on its cells alone: part by part, which takes a tenth of the memory."""
    parts = (rows.iloc[start : start + PART] for start in range(0, len(rows), PART))
    found = [pd.util.hash_pandas_object(part, index=False).to_numpy() for part in parts]
    return np.concatenate(found) if found else np.zeros(0, dtype="uint64")


def read(file: pq.ParquetFile, name: str, column: Column | None, decimal: str = ".") -> pd.Series:
    """Return one column of a file with its type, or as delivered, part by part: the delivered cells take more room."""
    parts = []
    for part in file.iter_batches(PART, columns=[name]):
        cells = part.column(0).to_pandas()
        cells = cells if column is None else typed(cells, column, decimal)
        parts.append(cells.astype(TEXT) if cells.dtype == "string" else cells)
        gc.collect(1)  # a Series of which .str was asked refers to itself
        pa.default_memory_pool().release_unused()
    return pd.concat(parts, ignore_index=True) if parts else pd.Series(dtype="object")


def parse(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return *table* with the contract's types: numbers float64, truths boolean, dates datetime64, the rest text.

    A column with a cell that does not fit keeps these cells as text and becomes an object column, which validate
    reports; columns that the contract does not know stay as they are.
    """
    known = {n: typed(table[n], column, contract.decimal) for n, column in contract.columns.items() if n in table}
    return pd.DataFrame({name: known.get(name, table[name]) for name in table}, index=table.index, copy=False)


def typed(cells: pd.Series, column: Column, decimal: str = ".") -> pd.Series:
    """Return one column with the type that the contract declares; see `parse`."""
    if column.empty and not pd.api.types.is_numeric_dtype(cells):
        cells = cells.mask(cells.astype("string").str.strip().isin(column.empty))
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


def columns(table: pd.DataFrame, contract: Contract) -> dict[str, np.ndarray]:
    """Return the cells of the contract's inputs as `rows.encode` takes them."""
    return {name: _cells(table[name]) for name in contract.inputs}


def _cells(cells: pd.Series) -> np.ndarray:
    boolean = cells.dtype == "boolean"
    found: np.ndarray = cells.to_numpy(dtype="float32", na_value=np.nan) if boolean else cells.to_numpy()
    return found


def target(table: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return the target: class numbers in the order of `contract.classes`, or float64 numbers for regression."""
    cells = table[contract.target]
    found: np.ndarray
    if contract.task == "regression":
        found = cells.to_numpy(dtype="float64")
    else:
        labels = cells.astype(str).str.lower() if cells.dtype == "boolean" else cells
        found = pd.Categorical(labels, categories=list(contract.classes)).codes.astype("int64")
    return found


def features(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return what the scikit-learn pipeline takes: one column per feature, made by `rows.encode` as in scoring."""
    encoded = encode(columns(table, contract), contract)
    return pd.DataFrame({name: cells[:, 0] for name, cells in encoded.items()}, index=table.index)


def records(table: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    """Return the rows as a caller of the service would send them, in JSON values."""
    cells = {name: _json(table[name], column) for name, column in contract.inputs.items()}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _json(cells: pd.Series, column: Column) -> list[Any]:
    if column.type == "integer":
        cells = cells.astype("Int64")
    elif column.type in ("datetime", "date"):
        cells = cells.dt.strftime("%Y-%m-%d" if column.type == "date" else "%Y-%m-%dT%H:%M:%S")
    return list(cells.astype(object).where(cells.notna(), None))
