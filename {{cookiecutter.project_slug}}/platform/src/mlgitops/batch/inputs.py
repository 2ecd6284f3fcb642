"""The inputs of many rows as arrays, and which rows surely keep the contract.

The look at a value is conservative: it never takes one for sure that the service's reader refuses or reads otherwise.
The reader alone decides about the other rows, and words what is wrong with them.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from ..contract import as_delivered
from ..contract.column import MISSING, NUMERIC, TEMPORAL, WORDS, Column
from ..contract.contract import Contract
from ..contract.row_schema import TIME_RANGE, limits
from ..contract.strings import MAX_CHARS
from ..data.arrow_types import to_series
from ..data.casting import MILLISECONDS, typed
from .words import Words

ROW_CHARS = 100_000  # of one row's strings, which is far from what a request may hold
UNITS = {"datetime": "s", "date": "D"}  # of the times that the model reads


@dataclass(frozen=True)
class Values:
    """One column as `encode` takes it, and for each row whether the reader surely accepts the value as it is."""

    array: np.ndarray
    sure: np.ndarray


@dataclass(frozen=True)
class Inputs:
    """The inputs of a part of a table; *typed* has those columns whose types depend on all values of the part."""

    values: dict[str, Values]
    typed: dict[str, pd.Series] = field(default_factory=dict)

    @property
    def sure(self) -> np.ndarray:
        """Whether each row surely keeps the contract."""
        sure: np.ndarray = np.logical_and.reduce([values.sure for values in self.values.values()])
        return sure


class ColumnReader:
    """Reads the inputs of a contract, column by column."""

    def __init__(self, contract: Contract) -> None:
        """Read the inputs of *contract*."""
        self.contract = contract
        longest = min(MAX_CHARS, ROW_CHARS // len(contract.inputs))
        self._words = {name: Words(c, longest) for name, c in contract.inputs.items() if c.type in WORDS}

    def read(self, part: pa.RecordBatch) -> Inputs:
        """Return the inputs of *part*, whose values are as delivered."""
        inputs = Inputs({})
        for name, column in self.contract.inputs.items():
            if name not in part.schema.names:
                inputs.values[name] = _absent(part.num_rows, column)
                continue
            values = self._directly(part.column(name), name, column)
            if values is None:
                inputs.typed[name] = typed(to_series(part.column(name)), column, self.contract.decimal)
                values = self._typed(inputs.typed[name], name, column)
            inputs.values[name] = values
        return inputs

    def _directly(self, array: pa.Array, name: str, column: Column) -> Values | None:
        """Return the values without pandas, if each of them can be read alone; None otherwise."""
        kind = array.type
        if column.type in WORDS and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            return Values(*self._words[name].read(array))
        if column.type in NUMERIC and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            numbers = array.to_numpy(zero_copy_only=False).astype("float64")
            sentinels = as_delivered.numbers(column, self.contract.decimal)
            return _numbers(np.where(np.isin(numbers, list(sentinels)), np.nan, numbers), column)
        return None

    def _typed(self, values: pd.Series, name: str, column: Column) -> Values:
        if column.type in WORDS:
            return Values(*self._words[name].typed(values))
        readable = np.ones(len(values), dtype=bool)
        if values.dtype == object:  # some values do not fit the type, and are strings
            readable = np.array([not isinstance(value, str) for value in values], dtype=bool)
            values = values.where(readable)
        if column.type in TEMPORAL:
            read = _times(_moments(values), column)
        elif column.type == "boolean":
            read = _booleans(values.astype("boolean").to_numpy(dtype="float64", na_value=np.nan), column)
        else:
            read = _numbers(values.to_numpy(dtype="float64", na_value=np.nan), column)
        return Values(read.array, read.sure & readable)


def _absent(rows: int, column: Column) -> Values:
    sure = np.full(rows, bool(column.missing))
    if column.type in WORDS:
        return Values(np.full(rows, MISSING, dtype=object), sure)
    if column.type in TEMPORAL:
        return Values(np.full(rows, np.datetime64("NaT", "s")), sure)
    return Values(np.full(rows, np.nan), sure)


def _numbers(numbers: np.ndarray, column: Column) -> Values:
    low, high = limits(column)
    sure = (numbers >= low) & (numbers <= high)
    if column.type == "integer":
        sure &= np.floor(numbers) == numbers
        numbers = numbers + 0.0  # a request has no integer -0
    return Values(numbers, sure | (np.isnan(numbers) & bool(column.missing)))


def _booleans(booleans: np.ndarray, column: Column) -> Values:
    return Values(booleans, ~np.isnan(booleans) | bool(column.missing))


def _moments(values: pd.Series) -> np.ndarray:
    if values.dtype == object:
        missing = np.datetime64("NaT", "ms")
        values = pd.Series([v.to_datetime64() if isinstance(v, pd.Timestamp) else missing for v in values])
    return np.asarray(values, dtype=MILLISECONDS)


def _times(times: np.ndarray, column: Column) -> Values:
    times = times.astype(f"datetime64[{UNITS[column.type]}]")
    bounds = (bound or usual for bound, usual in zip((column.min, column.max), TIME_RANGE, strict=True))
    low, high = (np.array(bound, dtype="datetime64[us]") for bound in bounds)
    if column.type == "date":
        low = low.astype("datetime64[D]")
    sure = (times >= low) & (times <= high) | (np.isnat(times) & bool(column.missing))
    return Values(times.astype("datetime64[s]"), sure)
