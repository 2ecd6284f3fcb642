"""Reads tables and gives their columns the types that the contract declares."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .config import ProjectError
from .contract import Column, Contract
from .rows import encode

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".parquet": pd.read_parquet,
}
TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False}


def read(path: Path) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet file as it is; raises ProjectError where it is none of these."""
    if path.suffix.lower() not in READERS:
        raise ProjectError(f"{path}: not a table that can be read; use {', '.join(READERS)}")
    try:
        return READERS[path.suffix.lower()](path)
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path}: cannot be read: {error}") from error


def parse(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return *table* with the contract's types: numbers float64, truths boolean, dates datetime64, the rest text.

    A column with a cell that does not fit keeps these cells as they are and becomes an object column, which validate
    reports; columns that the contract does not know stay as they are.
    """
    known = {name: _typed(table[name], column) for name, column in contract.columns.items() if name in table}
    return table.assign(**known)


def _typed(cells: pd.Series, column: Column) -> pd.Series:
    if column.type in ("number", "integer"):
        numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
        return _or_as_delivered(cells, numbers if column.type == "number" else numbers.where(numbers % 1 == 0))
    if column.type in ("datetime", "date"):
        moments = pd.to_datetime(cells, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
        return _or_as_delivered(cells, moments.astype("datetime64[ms]"))
    if column.type == "boolean":
        truths = (
            cells if cells.dtype == bool else cells.map(lambda cell: TRUTHS.get(str(cell).lower()), na_action="ignore")
        )
        return _or_as_delivered(cells, truths.astype("boolean"))
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")  # whole numbers became floats only because some cells are empty
    return cells.astype("string").replace("", pd.NA)


def _or_as_delivered(delivered: pd.Series, typed: pd.Series) -> pd.Series:
    """Return *typed*; where some delivered cell got lost in typing, all cells as objects with that one as it was."""
    lost = typed.isna() & delivered.notna()
    return typed.astype(object).mask(lost, delivered) if lost.any() else typed


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
    return cells.astype(object).where(cells.notna(), None).tolist()
