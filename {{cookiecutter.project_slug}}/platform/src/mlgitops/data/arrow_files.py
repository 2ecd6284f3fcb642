"""Reads Parquet files, folders of Parquet files, and the files of Arrow and Feather, in chunks."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from .parquet import parquet_file, rows_of_chunk
from .reading import Reading

BATCH_ROWS = 1 << 16
MAX_VALUES = 1 << 22  # in memory at once; a table of more than 64 columns has smaller batches


def parquet(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file."""
    reading.format = "Parquet"
    file = parquet_file(path)
    yield from file.iter_batches(_batch_rows(file.schema_arrow))


def arrow(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an Arrow IPC file or stream, or of a Feather file of either version."""
    reading.format = "Arrow"
    with pa.memory_map(str(path)) as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"FEA1"):
            yield from pyarrow.feather.read_table(file, memory_map=False).to_batches(BATCH_ROWS)
        elif head == b"ARROW1":
            reader = pa.ipc.open_file(file)
            yield from (reader.get_batch(position) for position in range(reader.num_record_batches))
        else:
            yield from pa.ipc.open_stream(file)


def folder(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all Parquet files below a folder, in the order of their paths, as Spark and others write them.

    A folder such as `month=1` adds a column. Files whose names start with `_` or `.` are no data.
    """
    files = [file for file in sorted(path.rglob("*.parquet")) if not _hidden(file.relative_to(path))]
    if not files:
        raise ProjectError(f"{path}: a folder without .parquet files: name a file, or a folder of Parquet files")
    reading.format = "folder of Parquet files"
    reading.details["files"] = len(files)
    folders = any("=" in part for file in files for part in file.relative_to(path).parts[:-1])
    options = {
        "format": "parquet",
        "partitioning": ds.HivePartitioning.discover() if folders else None,
        "partition_base_dir": str(path),
    }
    paths = [str(file) for file in files]
    schemas = [ds.dataset(paths, **options).schema, *(pq.read_schema(file) for file in files)]
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    yield from ds.dataset(paths, schema=schema, **options).to_batches(batch_size=_batch_rows(schema))


def _batch_rows(schema: pa.Schema) -> int:
    return rows_of_chunk(len(schema), BATCH_ROWS, MAX_VALUES)


def _hidden(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)
