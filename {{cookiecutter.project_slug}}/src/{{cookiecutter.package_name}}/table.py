"""Gives the columns of a table the types that the contract declares."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from .contract import Column, Contract
from .rows import encode

TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}
GROUPED = r"^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"  # 1,234,567.8


def load(raw: Path, contract: Contract, names: list[str] | None = None) -> pd.DataFrame:
    """Return the table that ingest wrote with the contract's types, one column after the other; see `parse`."""
    file = pq.ParquetFile(raw)
    names = file.schema_arrow.names if names is None else names
    return pd.DataFrame({name: parse(file.read([name]).to_pandas(), contract)[name] for name in names})


def parse(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return *table* with the contract's types: numbers float64, truths boolean, dates datetime64, the rest text.

    A column with a cell that does not fit keeps these cells as text and becomes an object column, which validate
    reports; columns that the contract does not know stay as they are.
    """
    known = {name: typed(table[name], column, contract) for name, column in contract.columns.items() if name in table}
    return table.assign(**known)


def typed(cells: pd.Series, column: Column, contract: Contract) -> pd.Series:
    """Return one column with the type that the contract declares; see `parse`."""
    if contract.empty and not pd.api.types.is_numeric_dtype(cells):
        cells = cells.mask(cells.isin(contract.empty))
    if column.type in ("number", "integer"):
        found = numbers(cells, contract.decimal)
        return _or_as_delivered(cells, found if column.type == "number" else found.where(found % 1 == 0))
    if column.type in ("datetime", "date"):
        return _or_as_delivered(cells, moments(cells, column.format))
    if column.type == "boolean":
        truths = cells if cells.dtype == bool else cells.astype("string").str.lower().map(TRUTHS)
        return _or_as_delivered(cells, truths.astype("boolean"))
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")  # whole numbers became floats only because some cells are empty
    return cells.astype("string").replace("", pd.NA)


def numbers(cells: pd.Series, decimal: str = ".") -> pd.Series:
    """Return cells as float64, NaN where one is no number; reads 1,234.5 and 12 % and, by *decimal*, 1.234,5."""
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    texts = cells.astype("string").str.strip().str.rstrip("% ")
    if decimal == ",":
        texts = texts.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    elif (grouped := texts.str.match(GROUPED).fillna(False)).any():
        texts = texts.mask(grouped, texts.str.replace(",", "", regex=False))
    return pd.to_numeric(texts, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)


def moments(cells: pd.Series, written: str | None = None) -> pd.Series:
    """Return cells as datetime64 without a zone (one with a zone is moved to UTC), NaT where one is no date."""
    found = pd.to_datetime(cells, errors="coerce", utc=True, format=written or "ISO8601")
    return found.dt.tz_localize(None).astype("datetime64[ms]")


def _or_as_delivered(delivered: pd.Series, found: pd.Series) -> pd.Series:
    """Return *found*; where some delivered cell got lost in typing, all cells as objects with that one as text."""
    lost = found.isna() & delivered.notna()
    return found.astype(object).mask(lost, delivered.astype("string")) if lost.any() else found


def columns(table: pd.DataFrame, contract: Contract) -> dict[str, np.ndarray]:
    """Return the cells of the contract's inputs as `rows.encode` takes them."""
    return {name: _cells(table[name]) for name in contract.inputs}


def _cells(cells: pd.Series) -> np.ndarray:
    return cells.to_numpy(dtype="float32", na_value=np.nan) if cells.dtype == "boolean" else cells.to_numpy()


def target(table: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return the target: class numbers in the order of `contract.classes`, or float64 numbers for regression."""
    cells = table[contract.target]
    if contract.task == "regression":
        return cells.to_numpy(dtype="float64")
    labels = cells.astype(str).str.lower() if cells.dtype == "boolean" else cells
    return pd.Categorical(labels, categories=list(contract.classes)).codes.astype("int64")


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
