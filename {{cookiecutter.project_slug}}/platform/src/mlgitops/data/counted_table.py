"""What validation counts of a table, wherever its rows are; here they are in the file that ingest wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import JsonValue

from ..contract.contract import Contract
from . import column_counts
from .column_counts import ColumnCounts, Unexpected
from .parquet import parquet_file
from .validation_report import records


class CountedTable(Protocol):
    """A table as delivered: its *columns* by name, the number of its *rows*, and the columns of the contract in it."""

    columns: Sequence[str]
    rows: int
    usable: set[str]

    def counts(self, name: str) -> ColumnCounts:
        """Return in how many rows a column is not as the contract says."""

    def repeated(self, names: list[str]) -> Unexpected:
        """Return the rows whose values in the columns *names* are also those of another row."""

    def shown(self, names: Sequence[str], unexpected: Unexpected) -> list[dict[str, JsonValue]]:
        """Return the columns *names* of the first *unexpected* rows, with the number of the row if it has one."""


class FileTable:
    """The table in a file; what is kept of it does not grow with its rows, except for a hash of each key."""

    def __init__(self, path: Path, contract: Contract) -> None:
        """Look at the table in *path*."""
        self._file, self._contract = parquet_file(path), contract
        self.columns, self.rows = self._file.schema_arrow.names, self._file.metadata.num_rows
        self.usable = column_counts.present(self.columns, contract)

    def counts(self, name: str) -> ColumnCounts:
        """Return in how many rows a column is not as the contract says."""
        return column_counts.count(self._file, name, self._contract)

    def repeated(self, names: list[str]) -> Unexpected:
        """Return the rows whose values in the columns *names* are also those of another row."""
        return column_counts.repeated(self._file, names, self._contract)

    def shown(self, names: Sequence[str], unexpected: Unexpected) -> list[dict[str, JsonValue]]:
        """Return columns of the first *unexpected* rows."""
        rows = column_counts.rows_at(self._file, names, np.array(unexpected.rows, dtype="int64"), self._contract)
        return [{"row": row, **record} for row, record in zip(unexpected.rows, records(rows), strict=True)]
