"""Writes the parts of a split from the table in a file, in flat memory, whatever the order of their rows."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from ..contract.contract import Contract
from . import frame
from .parquet import parquet_file, parquet_writer, rows_of_chunk

MAX_VALUES = 1 << 23  # in memory at once; a table of more than 32 columns has smaller chunks than frame.CHUNK_ROWS


def write(raw: Path, contract: Contract, rows: np.ndarray, path: Path, metadata: dict[bytes, bytes]) -> None:
    """Write to *path* the rows of *raw* at these positions, in their order, with the contract's types.

    Rows wait in temporary files, one for each chunk of *path*, until all of the chunk were read.
    """
    chunk_rows = rows_of_chunk(len(contract.columns), frame.CHUNK_ROWS, MAX_VALUES)
    count = pq.read_metadata(raw).num_rows
    place = np.full(count, len(rows), dtype="uint32" if count < 1 << 32 else "uint64")
    place[rows] = np.arange(len(rows), dtype=place.dtype)
    with TemporaryDirectory(dir=path.parent, prefix=".split-", ignore_cleanup_errors=True) as folder:
        schema = _spread(raw, contract, place, len(rows), chunk_rows, Path(folder))
        written = schema.with_metadata({**schema.metadata, **metadata})
        with parquet_writer(path, written) as writer:
            for number in range(-(-len(rows) // chunk_rows)):
                writer.write_table(_chunk(Path(folder) / str(number)).cast(written), row_group_size=chunk_rows)


def _spread(raw: Path, contract: Contract, place: np.ndarray, count: int, chunk_rows: int, folder: Path) -> pa.Schema:
    """Append each row to the file of its chunk, with its place; return the schema of a part."""
    schema, writers, start = None, dict[int, pa.ipc.RecordBatchStreamWriter](), 0
    for part in _typed(raw, contract, chunk_rows):
        places = place[start : start + len(part)]
        start += len(part)
        schema = schema or pa.Schema.from_pandas(part.head(1), preserve_index=False)
        numbers = np.where(places < count, (places // chunk_rows).astype("int64"), -1)  # of the other part
        for number in np.unique(numbers[numbers >= 0]).tolist():
            chosen = numbers == number
            batch = pa.RecordBatch.from_pandas(part[chosen], schema=schema, preserve_index=False)
            batch = batch.append_column("", pa.array(places[chosen]))
            if number not in writers:
                writers[number] = pa.ipc.new_stream(str(folder / str(number)), batch.schema)
            writers[number].write_batch(batch)
    for writer in writers.values():
        writer.close()
    return schema


def _typed(raw: Path, contract: Contract, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the table of *raw* with the contract's types and columns, in chunks."""
    for batch in parquet_file(raw).iter_batches(chunk_rows):
        columns = {n: frame.of_batch(batch, n, column, contract.decimal) for n, column in contract.columns.items()}
        yield pd.DataFrame(columns, copy=False)
        del batch, columns
        frame.release()


def _chunk(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        table = reader.read_all()
    order = np.argsort(table.column(table.num_columns - 1).to_numpy())
    table = table.remove_column(table.num_columns - 1)
    return table if (order == np.arange(len(order))).all() else table.take(order)
