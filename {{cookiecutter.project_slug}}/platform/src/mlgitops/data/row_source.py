"""The rows that a split looks at: those of a table in memory, or of a file that is read one column at a time."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.contract import Contract
from . import frame


class Rows(Protocol):
    """Typed rows."""

    def column(self, name: str) -> pd.Series:
        """Return the values of a column."""

    def chunks(self, name: str) -> Iterator[pd.Series]:
        """Yield the values of a column in chunks."""

    def hashes(self, names: Sequence[str]) -> np.ndarray:
        """Return a hash of the values that each row has in the columns *names*."""


class FrameRows:
    """The rows of a table in memory."""

    def __init__(self, table: pd.DataFrame) -> None:
        """Look at the typed *table*."""
        self._table = table

    def column(self, name: str) -> pd.Series:
        """Return the values of a column."""
        return self._table[name]

    def chunks(self, name: str) -> Iterator[pd.Series]:
        """Yield the values of a column, all at once."""
        yield self._table[name]

    def hashes(self, names: Sequence[str]) -> np.ndarray:
        """Return a hash of the values that each row has in the columns *names*."""
        return frame.hashes(self._table[list(names)])


class FileRows:
    """The rows of the table that ingest wrote: of the values that are hashed, only a chunk is in memory."""

    def __init__(self, file: pq.ParquetFile, contract: Contract) -> None:
        """Look at the table in *file*."""
        self._file, self._contract = file, contract

    def column(self, name: str) -> pd.Series:
        """Return the values of a column."""
        return frame.read(self._file, name, self._contract.columns[name], self._contract.decimal)

    def chunks(self, name: str) -> Iterator[pd.Series]:
        """Yield the values of a column in chunks."""
        return frame.chunks(self._file, name, self._contract.columns[name], self._contract.decimal)

    def hashes(self, names: Sequence[str]) -> np.ndarray:
        """Return a hash of the values that each row has in the columns *names*."""
        contract = self._contract
        columns = [frame.chunks(self._file, name, contract.columns[name], contract.decimal) for name in names]
        parts = [frame.hashes(pd.concat(chunk, axis="columns", keys=names)) for chunk in zip(*columns, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype="uint64")
