"""The table as a pandas frame: its columns with the types that the contract declares."""

import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Contract
from .arrow_cells import typed_array
from .casting import MAX_WHOLE, typed
from .encode import encode
from .parquet import parquet_file

PART, PARTS = Column(type="number", missing=True), ("year", "month", "day", "hour", "minute", "second")
CHUNK_ROWS = 1 << 18  # rows as delivered that are in memory at once


def load(raw: Path, contract: Contract, names: Iterable[str]) -> pd.DataFrame:
    """Read columns of the table that ingest wrote, one at a time, with the contract's types; see `parse`."""
    file = parquet_file(raw)
    return pd.DataFrame(
        {name: read(file, name, contract.columns[name], contract.decimal) for name in names}, copy=False
    )


def hashes(rows: pd.DataFrame | pd.Series) -> np.ndarray:
    """Return a hash of the values of each row, computed in chunks, which takes a tenth of the memory."""
    chunks = (rows.iloc[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS))
    hashed = [pd.util.hash_pandas_object(chunk, index=False).to_numpy() for chunk in chunks]
    return np.concatenate(hashed) if hashed else np.zeros(0, dtype="uint64")


def read(
    file: pq.ParquetFile, name: str, column: Column | None, decimal: str = ".", rows: np.ndarray | None = None
) -> pd.Series:
    """Read one column of a file with its type (as delivered if *column* is None).

    With *rows*, sorted positions, only these are returned, numbered from 0.
    """
    parts, start = [], 0
    for values in chunks(file, name, column, decimal):
        end = start + len(values)
        if rows is not None:
            values = values.take(rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)] - start)
        start = end
        parts.append(values)
    return pd.concat(parts, ignore_index=True) if parts else pd.Series(dtype="object")


def chunks(file: pq.ParquetFile, name: str, column: Column | None, decimal: str = ".") -> Iterator[pd.Series]:
    """Yield a column of a file with its type (as delivered if *column* is None), in chunks of CHUNK_ROWS rows."""
    names = list(column.join) if column and column.join else [name]
    for batch in file.iter_batches(CHUNK_ROWS, columns=names):
        yield of_batch(batch, name, column, decimal)
        del batch
        release()


def release() -> None:
    """Give back the memory of a chunk that is no longer needed."""
    gc.collect(1)  # a Series whose .str was used refers to itself
    pa.default_memory_pool().release_unused()


def of_batch(batch: pa.RecordBatch, name: str, column: Column | None, decimal: str) -> pd.Series:
    """Return a column of *batch* with its type (as delivered if *column* is None)."""
    if column and column.join:
        return joined([typed_array(batch.column(part), PART, decimal) for part in column.join])
    return typed_array(batch.column(name), column, decimal)


def joined(parts: list[pd.Series]) -> pd.Series:
    """Return the times whose year, month, and perhaps day, hour, minute and second are in *parts*."""
    values = pd.DataFrame(dict(zip(PARTS, parts, strict=False))).assign(**({} if len(parts) > 2 else {"day": 1}))
    return pd.to_datetime(values, errors="coerce").astype("datetime64[ms]")


def parse(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return *table* with the contract's types: float64 for numbers, boolean, datetime64 for dates, else strings.

    A column with values that do not fit its type becomes an object column that keeps those values as strings, which
    validate reports; columns that the contract does not declare stay as they are. Columns that join others are added.
    """
    parsed = {n: typed(table[n], column, contract.decimal) for n, column in contract.columns.items() if n in table}
    whole = {name: parsed[name] if name in parsed else table[name] for name in table}
    for name, column in contract.columns.items():
        if column.join and name not in table and set(column.join) <= set(table):
            whole[name] = joined([typed(table[part], PART, contract.decimal) for part in column.join])
    return pd.DataFrame(whole, index=table.index, copy=False)


def columns(table: pd.DataFrame, contract: Contract) -> dict[str, np.ndarray]:
    """Return the values of the contract's inputs as `encode` takes them."""
    return {name: _array(table[name]) for name in contract.inputs}


def _array(values: pd.Series) -> np.ndarray:
    boolean = values.dtype == "boolean"
    array: np.ndarray = values.to_numpy(dtype="float32", na_value=np.nan) if boolean else values.to_numpy()
    return array


def target(table: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return the target: indices into `contract.classes`, or float64 numbers for regression."""
    values = table[contract.target]
    target: np.ndarray
    if contract.task == "regression":
        target = values.to_numpy(dtype="float64")
    else:
        if values.dtype == "boolean":  # as strings, a large table would take several times its memory
            values = pd.Categorical.from_codes(
                values.astype("Int8").fillna(-1).to_numpy(dtype="int8"), ["false", "true"]
            )
        target = pd.Categorical(values, categories=list(contract.classes)).codes.astype("int64")
    return target


def features(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the input of the scikit-learn pipeline: one column per feature, from `encode` as in scoring.

    Raises ProjectError if a function of features.py returns infinity, which estimators do not accept.
    """
    encoded = encode(columns(table, contract), contract)
    for feature in contract.features:
        if feature.function and feature.kind == "number" and (infinite := np.isinf(encoded[feature.name][:, 0])).any():
            row = table.iloc[int(infinite.argmax())][list(feature.function.columns)].to_dict()
            raise ProjectError(
                f"{feature.function.place}: returns infinity for {infinite.sum():,} of {len(table):,} rows, first for "
                f"{', '.join(f'{name} {value}' for name, value in row.items())}: return np.nan there"
            )
    return pd.DataFrame({name: array[:, 0] for name, array in encoded.items()}, index=table.index)


def records(rows: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    """Return the inputs of *rows*, as delivered or typed, as JSON values that a caller of the service would send."""
    parsed = parse(rows[[name for name in contract.inputs if name in rows]], contract)
    values = {name: json_values(parsed[name], contract.columns[name]) for name in parsed if name in contract.inputs}
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def json_values(values: pd.Series, column: Column) -> list[Any]:
    """Return values that have the type of *column* as a caller of the service would send them."""
    present = values.notna().tolist()
    unit: Literal["D", "s"] = "D" if column.type == "date" else "s"
    if pd.api.types.is_datetime64_dtype(values):
        values = pd.Series(np.datetime_as_string(values.to_numpy(), unit, casting="unsafe"))  # four digits of any year
    elif column.type == "integer" and pd.api.types.is_float_dtype(values) and (values.abs() < MAX_WHOLE)[present].all():
        values = values.astype("Int64")
    return [_plain(value, unit) if filled else None for value, filled in zip(values.tolist(), present, strict=True)]


def _plain(value: Any, unit: Literal["D", "s"]) -> str | int | float:
    """Return a value of JSON; a time among values that are none is written as the others of its column."""
    if isinstance(value, pd.Timestamp):
        return str(np.datetime_as_string(value.to_datetime64(), unit, casting="unsafe"))
    return value if isinstance(value, str | int | float) else str(value)
