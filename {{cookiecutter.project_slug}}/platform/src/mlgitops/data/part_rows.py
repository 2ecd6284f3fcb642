"""Reads the rows of a part that split wrote, in chunks whose memory does not depend on the table."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import frame
from .parquet import parquet_file, rows_of_chunk
from .spacing import evenly_spaced

MAX_VALUES = 1 << 21  # in memory at once, and several times as features; more than 8 columns have smaller chunks


def chunk_rows(columns: int) -> int:
    """Return the number of rows of a chunk of a table with so many columns."""
    return rows_of_chunk(columns, frame.CHUNK_ROWS, MAX_VALUES)


def chunks(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the typed rows of *path* in chunks, one without rows if it has none."""
    for batch in _batches(path):
        yield pa.Table.from_batches([batch]).to_pandas()


def sample(path: Path, count: int | None = None) -> pd.DataFrame:
    """Return at most *count* typed rows of *path*, or as many as a chunk has, evenly spaced."""
    metadata = pq.read_metadata(path)
    most = chunk_rows(metadata.num_columns) if count is None else count
    return rows_at(path, evenly_spaced(metadata.num_rows, most))


def rows_at(path: Path, positions: np.ndarray) -> pd.DataFrame:
    """Return the typed rows of *path* at *positions*, in that order."""
    order = np.argsort(positions, kind="stable")
    sorted_positions, start, parts = positions[order], 0, []
    for batch in _batches(path):
        first, end = np.searchsorted(sorted_positions, (start, start + batch.num_rows))
        parts.append(batch.take(pa.array(sorted_positions[first:end] - start)))
        start += batch.num_rows
    rows = pa.Table.from_batches(parts).to_pandas()
    ordered = (order[1:] > order[:-1]).all()  # a copy would take as much memory again
    return rows if ordered else rows.iloc[np.argsort(order)].reset_index(drop=True)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    file = parquet_file(path)
    if not file.metadata.num_rows:
        yield pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
    for batch in file.iter_batches(chunk_rows(len(file.schema_arrow))):
        yield batch
        del batch
        frame.release()
