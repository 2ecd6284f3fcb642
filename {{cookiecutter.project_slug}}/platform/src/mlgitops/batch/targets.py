"""Where a scored table is written: a file, or a folder of Parquet files, on this machine or at an address."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..common import files
from ..common.errors import ProjectError
from ..data.address import is_address
from ..data.parquet import parquet_writer
from .answers import Count
from .remote import Remote

WRITERS: dict[str, Callable[[Path, pa.Schema], pq.ParquetWriter | pa.csv.CSVWriter]] = {
    ".parquet": parquet_writer,
    ".csv": pa.csv.CSVWriter,
}
TABLE = "table:"  # before the name of a table of predictions
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # it is the name of a folder
PART_ROWS = 1 << 20  # of one file of a folder
END = "_SUCCESS"  # the last file of a run, as Spark names it
Write = Callable[[pa.Table], None]


class File:
    """A Parquet or CSV file, which is replaced when all rows are scored."""

    def __init__(self, place: str) -> None:
        """Write to *place*; raises ProjectError if its suffix is unknown."""
        self._place, self._suffix = place, Path(place).suffix
        if self._suffix not in WRITERS:
            suffixes = " or ".join(WRITERS)
            raise ProjectError(f"{place}: unknown file type: use the suffix {suffixes}, or end a folder with /")

    def before(self) -> Count | None:
        """Return None: a file knows nothing of its runs."""
        return None

    @contextmanager
    def writing(self, schema: pa.Schema) -> Iterator[Write]:
        """Yield the function that writes rows."""
        if not is_address(self._place):
            with files.replacing(Path(self._place)) as new, WRITERS[self._suffix](new, schema) as writer:
                yield writer.write
            return
        remote = Remote(self._place)
        with tempfile.TemporaryDirectory() as folder:
            new = Path(folder) / "scored"
            with WRITERS[self._suffix](new, schema) as writer:
                yield writer.write
            remote.put(new)


class Folder:
    """A folder in which each run has a folder of Parquet files, complete if it holds the file END."""

    def __init__(self, place: str, run: str) -> None:
        """Write the *run* to a folder in *place*; raises ProjectError if its name is none of a folder."""
        if not RUN.fullmatch(run):
            raise ProjectError(f"run {run!r}: write a name of letters, digits, dots, - and _ for a folder")
        self._place = f"{place.rstrip('/')}/run={run}"
        self._remote = Remote(self._place) if is_address(place) else None

    def before(self) -> Count | None:
        """Return the numbers of the run if it has ended; raises ProjectError if another program has written it."""
        end = Path(self._place, END)
        content = self._remote.read(END) if self._remote else end.read_bytes() if end.is_file() else None
        try:
            return None if content is None else Count(**json.loads(content))
        except (ValueError, TypeError):
            raise ProjectError(f"{self._place}: another program has written it: choose another RUN_NAME") from None

    @contextmanager
    def writing(self, schema: pa.Schema) -> Iterator[Write]:
        """Yield the function that writes rows."""
        schema = pa.schema([field for field in schema if field.name != "run"])  # the name of the folder
        if remote := self._remote:
            remote.clear()  # what a run that was stopped has left
            with tempfile.TemporaryDirectory() as folder, _Parts(Path(folder), schema, remote).open() as write:
                yield write
        else:
            with files.replacing(Path(self._place)) as new:
                new.mkdir()
                with _Parts(new, schema, None).open() as write:
                    yield write


class _Parts:
    """Writes rows to numbered files in a folder, which move to a remote one if there is one."""

    def __init__(self, folder: Path, schema: pa.Schema, remote: Remote | None) -> None:
        self._folder, self._schema, self._remote = folder, schema, remote
        self._writer: pq.ParquetWriter | None = None
        self._number, self._count = 0, {"rows": 0, "refused": 0}

    @contextmanager
    def open(self) -> Iterator[Write]:
        try:
            yield self._write
            self._close()
        finally:
            if self._writer:  # after an error, which is the one that counts
                with suppress(OSError):
                    self._writer.close()
        self._path(END).write_text(json.dumps(self._count), encoding="utf-8", newline="\n")
        self._move(END)

    def _write(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = parquet_writer(self._path(self._name), self._schema)
        self._writer.write(rows.select(self._schema.names))
        before = self._count["rows"]
        self._count["rows"] += rows.num_rows
        self._count["refused"] += rows.num_rows - rows.column("error").null_count
        if before // PART_ROWS < self._count["rows"] // PART_ROWS:
            self._close()

    @property
    def _name(self) -> str:
        return f"part-{self._number:05}.parquet"

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _close(self) -> None:
        if self._writer:
            writer, self._writer = self._writer, None
            writer.close()
            self._move(self._name)
            self._number += 1

    def _move(self, name: str) -> None:
        if self._remote:
            self._remote.put(self._path(name), name)
            self._path(name).unlink()


def target(place: str, run: str) -> File | Folder:
    """Return where *run* is written, which *place* names; raises ProjectError."""
    if not place:
        raise ProjectError("OUT is empty: name a file, a folder, an address or table:NAME for the predictions")
    is_folder = place.endswith("/") or not Path(place).suffix or (not is_address(place) and Path(place).is_dir())
    return Folder(place, run) if is_folder else File(place)
