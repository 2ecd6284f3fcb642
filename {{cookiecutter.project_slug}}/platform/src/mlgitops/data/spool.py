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
    kinds = [pa.null()] * len(names)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = []
        for number, rows in enumerate(parts):
            arrays = [cells.array(column) for column in zip(*rows, strict=True)]
            kinds = [cells.wider(kind, array.type) for kind, array in zip(kinds, arrays, strict=True)]
            files.append(Path(folder) / str(number))
            _save(files[-1], pa.RecordBatch.from_arrays(arrays, names=names))
        schema = pa.schema(list(zip(names, kinds, strict=True)))
        if not files:
            yield pa.RecordBatch.from_pylist([], schema=schema)
        for file in files:
            columns = zip(_saved(file).columns, kinds, strict=True)
            yield pa.RecordBatch.from_arrays([cells.widened(column, kind) for column, kind in columns], schema=schema)


def _save(path: Path, batch: pa.RecordBatch) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def _saved(path: Path) -> pa.RecordBatch:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).get_batch(0)
