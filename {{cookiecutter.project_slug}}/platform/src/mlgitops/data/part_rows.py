"""Reads the rows of a part that split wrote, in chunks whose memory does not depend on the table."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import frame
from .parquet import parquet_file
from .spacing import evenly_spaced

MAX_VALUES = 1 << 21  # in memory at once, and several times as features; more than 8 columns have smaller chunks


def chunk_rows(columns: int) -> int:
    """Return the number of rows of a chunk of a table with so many columns."""
    return max(1, min(frame.CHUNK_ROWS, MAX_VALUES // max(columns, 1)))


def chunks(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the typed rows of *path* in chunks, one without rows if it has none."""
    for batch in _batches(path):
        yield pa.Table.from_batches([batch]).to_pandas()


def sample_size(path: Path) -> int:
    """Return the number of rows of *path*, at most those of a chunk."""
    metadata = pq.read_metadata(path)
    return int(min(metadata.num_rows, chunk_rows(metadata.num_columns)))


def sample(path: Path, count: int) -> pd.DataFrame:
    """Return at most *count* typed rows of *path*, evenly spaced."""
    return rows_at(path, evenly_spaced(pq.read_metadata(path).num_rows, count))


def rows_at(path: Path, positions: np.ndarray) -> pd.DataFrame:
    """Return the typed rows of *path* at *positions*, in that order."""
    order = np.argsort(positions, kind="stable")
    sorted_positions, start, parts = positions[order], 0, []
    for batch in _batches(path):
        inside = sorted_positions[
            np.searchsorted(sorted_positions, start) : np.searchsorted(sorted_positions, start + batch.num_rows)
        ]
        parts.append(batch.take(pa.array(inside - start)))
        start += batch.num_rows
    rows = pa.Table.from_batches(parts).to_pandas()
    back = np.empty(len(order), dtype="int64")
    back[order] = np.arange(len(order))
    return rows.iloc[back].reset_index(drop=True)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    file = parquet_file(path)
    if not file.metadata.num_rows:
        yield pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
    for batch in file.iter_batches(chunk_rows(len(file.schema_arrow))):
        yield batch
        del batch
        frame.release()
