"""Finds the columns that identify a row."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .. import table
from ..config import ProjectError
from ..contract import Column
from .describe import Found


def find(found: dict[str, Found], file: pq.ParquetFile) -> tuple[str, ...]:
    """Return the first column that identifies every row."""
    for name, what in found.items():
        if what.identifier and "missing" not in what.entry and not _twice(file, (name,)).num_rows:
            return (name,)
    return ()


def check(file: pq.ParquetFile, key: tuple[str, ...], asked: tuple[str, ...]) -> None:
    """Raise ProjectError where the key that was asked for does not identify every row."""
    twice = _twice(file, key) if asked else None
    if twice is not None and twice.num_rows:
        rows = "; ".join(", ".join(str(row[name]) for name in key) for row in twice.slice(0, 3).to_pylist())
        raise ProjectError(
            f"KEY={','.join(key)}: {twice.num_rows} keys belong to several rows, or are empty; the first: {rows}"
        )


def _twice(file: pq.ParquetFile, key: tuple[str, ...]) -> pa.Table:
    """Return the keys that several rows share, or that are empty."""
    cells = pa.table({name: pa.array(table.read(file, name, Column(type="text")), pa.string()) for name in key})
    counts = (
        cells.append_column("rows", pa.array(np.ones(len(cells), "int8")))
        .group_by(list(key))
        .aggregate([("rows", "sum")])
    )
    empty = np.any([counts[name].is_null().to_numpy() for name in key], axis=0)
    return counts.filter(pa.array((counts["rows_sum"].to_numpy() > 1) | empty))
