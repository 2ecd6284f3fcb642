"""Where the predictions are kept: Parquet files by day and version, in a folder or a bucket."""

import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import quote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..common.project import root
from .log_reader import FACTS

DAY = "date="
OUTCOMES = "_outcomes"  # the file with the outcomes that were measured last; readers of Parquet folders skip a "_"


class Place:
    """A folder, or a bucket as s3://bucket/folder or gs://bucket/folder."""

    def __init__(self, address: str) -> None:
        """Use the files at *address*; raises ProjectError if that is no address."""
        self.address = address
        try:
            if "://" in address:
                self._files, self._path = pafs.FileSystem.from_uri(address)
            else:
                self._files, self._path = pafs.LocalFileSystem(), str(root() / address)
        except (pa.ArrowInvalid, OSError) as error:
            raise ProjectError(f"{address}: not a folder or a bucket: {error}") from None

    def write(self, day: str, version: str, name: str, table: pa.Table) -> None:
        """Write a file of one day and version, or replace the one with that name."""
        self._replace(f"{self._path}/{DAY}{day}/version={quote(version, safe='')}", name, table)

    def write_outcomes(self, table: pa.Table) -> None:
        """Write the outcomes, or replace them."""
        self._replace(self._path, OUTCOMES, table)

    def outcomes(self) -> pa.Table | None:
        """Return the outcomes, or None if there are none."""
        path = f"{self._path}/{OUTCOMES}.parquet"
        if not any(entry.path == path for entry in self._list(self._path)):
            return None
        return self._read(path, facts=False)

    def _read(self, path: str, facts: bool = True) -> pa.Table:
        """Read a file; raises ProjectError if it is damaged, or has no *facts* about the model that answered."""
        try:
            with self._files.open_input_file(path) as source:
                table = pq.ParquetFile(source).read()
        except (pa.ArrowInvalid, OSError) as error:
            raise ProjectError(f"{path}: cannot be read: {error}: remove the file, and collect again") from None
        if facts and FACTS not in (table.schema.metadata or {}):
            raise ProjectError(f"{path}: not a file of `collect`: move it to another folder")
        return table

    def _replace(self, folder: str, name: str, table: pa.Table) -> None:
        self._files.create_dir(folder, recursive=True)
        new = f"{folder}/.{secrets.token_hex(4)}-{name}"  # another process may write the same file
        with self._files.open_output_stream(new) as stream:
            pq.write_table(table, stream, compression="zstd")
        self._files.move(new, f"{folder}/{name}.parquet")

    def tables(self, since: date | None = None) -> Iterator[pa.Table]:
        """Yield the files in order, from the day *since* on."""
        for day, path in self._days():
            if since and day < since:
                continue
            for file in self._list(path, recursive=True):
                if file.is_file and file.extension == "parquet":
                    yield self._read(file.path)

    def days_of(self, versions: frozenset[str]) -> Iterator[tuple[date, int]]:
        """Yield each day with predictions of one of *versions*, with their number; no prediction is read."""
        names = {f"version={quote(version, safe='')}" for version in versions}
        for day, path in self._days():
            parts = [entry for entry in self._list(path) if entry.base_name in names]
            tables = [file for part in parts for file in self._list(part.path) if file.extension == "parquet"]
            if rows := sum(map(self._rows, tables)):
                yield day, rows

    def _rows(self, file: pafs.FileInfo) -> int:
        with self._files.open_input_file(file.path) as source:
            return int(pq.read_metadata(source).num_rows)

    def remove_before(self, first: date) -> int:
        """Remove the days before *first*; return their number."""
        old = [path for day, path in self._days() if day < first]
        for path in old:
            self._files.delete_dir(path)
        return len(old)

    def _days(self) -> Iterator[tuple[date, str]]:
        for entry in self._list(self._path):
            if entry.base_name.startswith(DAY):
                try:
                    yield date.fromisoformat(entry.base_name.removeprefix(DAY)), entry.path
                except ValueError:
                    continue  # not one of ours

    def _list(self, path: str, recursive: bool = False) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(path, recursive=recursive, allow_not_found=True)
        try:
            return sorted(self._files.get_file_info(selector), key=lambda entry: str(entry.path))
        except OSError as error:
            raise ProjectError(f"{self.address}: cannot be read: {error}") from None


def oldest(today: date, days: int) -> date:
    """Return the first day of the last *days* days."""
    return today - timedelta(days=days)
