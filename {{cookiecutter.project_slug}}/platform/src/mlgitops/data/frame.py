"""Gives the columns of a table the types that the contract declares."""

import gc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Contract
from .casting import typed
from .encode import encode

TEXT = pd.StringDtype("pyarrow")  # takes a fifth of the memory of "string", and is written to the same bytes
PART = 1 << 18  # rows whose delivered cells are in memory at once


def load(raw: Path, contract: Contract, names: Iterable[str]) -> pd.DataFrame:
    """Return columns of the table that ingest wrote with the contract's types, one after the other; see `parse`."""
    file = pq.ParquetFile(raw)
    return pd.DataFrame(
        {name: read(file, name, contract.columns[name], contract.decimal) for name in names}, copy=False
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
    """Return what the scikit-learn pipeline takes: one column per feature, made by `data.encode` as in scoring.

    Raises ProjectError where a function of features.py returns infinity, which no estimator takes.
    """
    encoded = encode(columns(table, contract), contract)
    for feature in contract.features:
        if feature.function and feature.kind == "number" and (infinite := np.isinf(encoded[feature.name][:, 0])).any():
            row = table.iloc[int(infinite.argmax())][list(feature.function.columns)].to_dict()
            raise ProjectError(
                f"{feature.function.place}: returns infinity for {infinite.sum():,} of {len(table):,} rows, first for "
                f"{', '.join(f'{name} {value}' for name, value in row.items())}: return np.nan there"
            )
    return pd.DataFrame({name: cells[:, 0] for name, cells in encoded.items()}, index=table.index)


def records(rows: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    """Return the inputs of *rows*, delivered or typed, as a caller of the service would send them, in JSON values."""
    known = parse(rows[[name for name in contract.inputs if name in rows]], contract)
    cells = {name: _json(known[name], contract.columns[name]) for name in known}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _json(cells: pd.Series, column: Column) -> list[Any]:
    if pd.api.types.is_datetime64_dtype(cells):
        cells = cells.dt.strftime("%Y-%m-%d" if column.type == "date" else "%Y-%m-%dT%H:%M:%S")
    elif column.type == "integer" and pd.api.types.is_float_dtype(cells):
        cells = cells.astype("Int64")
    return [
        (cell if isinstance(cell, str | int | float) else str(cell)) if there else None
        for cell, there in zip(cells.tolist(), cells.notna(), strict=True)
    ]
