"""Gives rows of Python values one type per column, although a later part may need a wider one than the first."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from . import cells
from .reading import unique


def typed_parts(header: list[str], parts: Iterable[Sequence[Sequence[Any]]]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all *parts* with the types that fit all of them; they wait in a temporary file meanwhile."""
    names = unique(header)
    types = cells.ColumnTypes()
    types.see(dict.fromkeys(names))
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = []
        for number, part in enumerate(parts):
            rows = [dict(zip(names, map(cells.plain, row), strict=True)) for row in part]
            own = cells.ColumnTypes()
            for row in rows:
                own.see(row)
                types.see(row)
            files.append(Path(folder) / str(number))
            _save(files[-1], cells.batches(rows, own.schema), own.schema)
        if not files:
            yield pa.RecordBatch.from_pylist([], schema=types.schema)
        for file in files:
            for batch in _saved(file):
                yield pa.RecordBatch.from_arrays(
                    [cells.widened(batch.column(field.name), field.type) for field in types.schema], schema=types.schema
                )


def _save(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _saved(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        yield from (reader.get_batch(position) for position in range(reader.num_record_batches))
