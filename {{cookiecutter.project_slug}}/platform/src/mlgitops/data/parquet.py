"""Writes Parquet files that other programs read as well, and opens them to be read in chunks."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_file(path: Path) -> pq.ParquetFile:
    """Open a file; what is read ahead by default stays in memory until the last chunk, and is as large as the file."""
    return pq.ParquetFile(path, pre_buffer=False)


def rows_of_chunk(columns: int, most_rows: int, most_values: int) -> int:
    """Return the rows of a chunk with at most so many rows and values; a chunk has one row at least."""
    return max(1, min(most_rows, most_values // max(1, columns)))


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Return a writer of a Parquet file in which times of nanoseconds become microseconds: Spark refuses the former."""
    if pa.timestamp("ns") not in {_without_zone(kind) for kind in schema.types}:
        return pq.ParquetWriter(path, schema)
    return pq.ParquetWriter(path, schema, coerce_timestamps="us", allow_truncated_timestamps=True)


def _without_zone(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind
