"""Finds the rows whose key another row has, too: by hashes, so that no value of a large table is kept."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.column import TEMPORAL, WORDS, Column
from ..contract.contract import Contract
from . import frame
from .casting import MILLISECONDS

EXACT_ROWS = 1_000_000  # up to so many rows with the same hash, the values themselves are compared
FACTOR = np.uint64(0x9E3779B97F4A7C15)
MISSING = np.uint64(1)  # the hash of a missing value


def duplicates(file: pq.ParquetFile, names: Sequence[str], contract: Contract) -> np.ndarray:
    """Return the positions of all rows whose values in the columns *names* are there more than once.

    Rows without any of these values are left out. Two different keys have one hash once in 100,000 tables of 20
    million rows; beyond EXACT_ROWS, such a pair would be counted among the others.
    """
    parts = list(_hashes(file, names, contract))
    hashed = np.concatenate([part for part, _ in parts]) if parts else np.zeros(0, dtype="uint64")
    filled = np.concatenate([part for _, part in parts]) if parts else np.zeros(0, dtype=bool)
    del parts
    rows = None if filled.all() else np.flatnonzero(filled)
    hashed = hashed if rows is None else hashed[rows]
    ordered = np.sort(hashed)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(twice):
        return np.zeros(0, dtype="int64")
    positions = np.flatnonzero(twice[np.minimum(np.searchsorted(twice, hashed), len(twice) - 1)] == hashed)
    positions = positions if rows is None else rows[positions]
    if len(positions) > EXACT_ROWS:
        return positions
    columns = {n: frame.read(file, n, contract.columns[n], contract.decimal, positions) for n in names}
    return np.asarray(positions[pd.DataFrame(columns).duplicated(keep=False).to_numpy()])


def _hashes(file: pq.ParquetFile, names: Sequence[str], contract: Contract) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each chunk a hash per row, and whether the row has any of the values."""
    columns = [frame.chunks(file, name, contract.columns[name], contract.decimal) for name in names]
    for chunk in zip(*columns, strict=True):
        hashed, filled = np.zeros(len(chunk[0]), dtype="uint64"), np.zeros(len(chunk[0]), dtype=bool)
        for name, values in zip(names, chunk, strict=True):
            hashed = hashed * FACTOR + _hash(values, contract.columns[name])
            filled |= values.notna().to_numpy(dtype=bool)
        yield hashed, filled


def _hash(values: pd.Series, column: Column) -> np.ndarray:
    """Return hashes that are equal where values are, also if strings are among values of another type."""
    filled = values.notna().to_numpy(dtype=bool)
    strings = np.full(len(values), column.type in WORDS)
    if values.dtype == object:
        strings = np.array([isinstance(value, str) for value in values], dtype=bool)
    hashed = np.full(len(values), MISSING)
    for rows, convert in ((filled & strings, _object), (filled & ~strings, CONVERT.get(column.type, _number))):
        if rows.any():
            part = values if rows.all() else values[rows]
            hashed[rows] = pd.util.hash_array(convert(part), categorize=False)
    return hashed


def _object(values: pd.Series) -> np.ndarray:
    return np.asarray(values, dtype=object)


def _number(values: pd.Series) -> np.ndarray:
    return np.asarray(values, dtype="float64") + 0.0  # -0 is 0


def _time(values: pd.Series) -> np.ndarray:
    return np.asarray(values, dtype=MILLISECONDS).view("int64")


CONVERT = dict.fromkeys(TEMPORAL, _time)
