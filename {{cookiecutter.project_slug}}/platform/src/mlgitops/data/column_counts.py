"""Counts in how many rows a column is not as the contract says, chunk by chunk: memory does not grow with the table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.contract import Contract
from . import frame
from .duplicates import duplicates
from .row_check import violations

SHOWN_ROWS = 5  # of each failure


@dataclass
class Unexpected:
    """The number of rows that are not as expected, and the positions and the values of the first ones."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, mask: np.ndarray, values: pd.Series, start: int) -> None:
        """Count the rows of a chunk where *mask* is true; its first row is row *start* of the table."""
        if not mask.any():
            return
        self.count += int(mask.sum())
        positions = np.flatnonzero(mask)[: SHOWN_ROWS - len(self.rows)]
        self.rows += (positions + start).tolist()
        self.values += [None if pd.isna(value) else value for value in values.iloc[positions].tolist()]


@dataclass
class ColumnCounts:
    """What was counted of a column: *unexpected* rows by kind, see `row_check.violations`; *classes* of the target."""

    dtype: Any = None
    unexpected: dict[str, Unexpected] = field(default_factory=dict)
    classes: set[Any] = field(default_factory=set)


def count(file: pq.ParquetFile, name: str, contract: Contract) -> ColumnCounts:
    """Return the counts of a column of the table that ingest wrote."""
    column, counts, start = contract.columns[name], ColumnCounts(), 0
    for values in frame.chunks(file, name, column, contract.decimal):
        if counts.dtype is None or values.dtype == object:  # one chunk with values of another type is enough
            counts.dtype = values.dtype
        for kind, mask in violations(values, column).items():
            counts.unexpected.setdefault(kind, Unexpected()).add(mask, values, start)
        if name == contract.target and contract.classes:
            counts.classes.update(values.dropna().unique().tolist())
        start += len(values)
    return counts


def repeated(file: pq.ParquetFile, names: list[str], contract: Contract) -> Unexpected:
    """Return the rows whose values in the columns *names* are also those of another row."""
    rows = duplicates(file, names, contract)
    first = rows_at(file, names, rows[:SHOWN_ROWS], contract)
    values = first[names[0]].tolist() if len(names) == 1 else first.to_dict("records")
    return Unexpected(len(rows), rows[:SHOWN_ROWS].tolist(), list(values))


def rows_at(file: pq.ParquetFile, names: Sequence[str], rows: np.ndarray, contract: Contract) -> pd.DataFrame:
    """Return columns of the rows at these sorted positions, which are its index."""
    columns = {n: frame.read(file, n, contract.columns[n], contract.decimal, rows) for n in dict.fromkeys(names)}
    return pd.DataFrame(columns).set_axis(rows) if columns else pd.DataFrame(index=rows)


def present(columns: Iterable[str], contract: Contract) -> set[str]:
    """Return the columns of the contract that are among *columns*, or of which all parts are."""
    delivered = set(columns)
    return {name for name, column in contract.columns.items() if {*(column.join or (name,))} <= delivered}
