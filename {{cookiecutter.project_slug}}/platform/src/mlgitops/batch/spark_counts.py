"""What the workers of Spark count of a table, with the code that counts a file; the driver adds up their counts."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import JsonValue

from ..contract.column import NUMERIC, TEMPORAL
from ..contract.contract import Contract
from ..data import frame
from ..data.column_counts import SHOWN_ROWS, present
from ..data.row_check import violations
from ..data.validation_report import records
from .spark_code import Function, Parts

COUNTS = "column string, kind string, count long, examples string"  # what `counting` gives
KEYS = "key string"
ROWS, DTYPE, CLASS = "rows", "dtype ", "class "  # kinds beside those of `row_check.violations`


@dataclass
class _Count:
    count: int = 0
    examples: list[dict[str, JsonValue]] = field(default_factory=list)


class _Counter:
    """The counts of the parts that one task reads, by column and kind."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._counts: dict[tuple[str, str], _Count] = {("", ROWS): _Count()}

    def add(self, part: pa.RecordBatch) -> None:
        self._counts["", ROWS].count += part.num_rows
        columns = _typed(part, self._contract, present(part.schema.names, self._contract))
        for name, values in columns.items():
            self._add(name, f"{DTYPE}{values.dtype}").count += len(values)
            for kind, mask in violations(values, self._contract.columns[name]).items():
                count = self._add(name, kind)
                count.count += int(mask.sum())
                if rows := np.flatnonzero(mask)[: SHOWN_ROWS - len(count.examples)].tolist():
                    shown = {key: columns[key].iloc[rows] for key in (*self._contract.key, name) if key in columns}
                    count.examples += records(pd.DataFrame(shown))
        for label in self._classes(columns.get(self._contract.target)):
            self._add(self._contract.target, f"{CLASS}{json.dumps(label)}").count += 1

    def _add(self, name: str, kind: str) -> _Count:
        return self._counts.setdefault((name, kind), _Count())

    def _classes(self, values: pd.Series | None) -> list[bool | str]:
        """Return the classes of the target that are among *values*."""
        if values is None or not self._contract.classes:
            return []
        labels = (False, True) if self._contract.prediction == "boolean" else self._contract.classes
        distinct = set(values.dropna().unique().tolist())
        return [label for label in labels if label in distinct]

    def batch(self) -> pa.RecordBatch:
        lines = [
            {"column": name, "kind": kind, "count": count.count, "examples": json.dumps(count.examples)}
            for (name, kind), count in self._counts.items()
        ]
        types = {"column": pa.string(), "kind": pa.string(), "count": pa.int64(), "examples": pa.string()}
        return pa.RecordBatch.from_pylist(lines, schema=pa.schema(list(types.items())))


def counting(contract: Contract) -> Function:
    """Return the function for `mapped` that counts, in each part of a table, the rows of each kind of violation."""

    def counted(parts: Parts) -> Parts:
        counter = _Counter(contract)
        for part in parts:
            counter.add(part)
        yield counter.batch()

    return counted


def keying(contract: Contract, names: list[str]) -> Function:
    """Return the function that gives the values in the columns *names* as JSON, of each row that has any of them."""

    def keyed(parts: Parts) -> Parts:
        for part in parts:
            columns = _typed(part, contract, names)
            rows = zip(*(_values(columns[name]) for name in names), strict=True)
            keys = [json.dumps(row, default=str) for row in rows if any(value is not None for value in row)]
            yield pa.RecordBatch.from_arrays([pa.array(keys, pa.string())], ["key"])

    return keyed


def _values(values: pd.Series) -> list[object]:
    """Return values, None for a missing one; -0 is 0."""
    present = zip(values.tolist(), values.notna().tolist(), strict=True)
    return [(value + 0.0 if isinstance(value, float) else value) if filled else None for value, filled in present]


def typing(contract: Contract, names: list[str]) -> Function:
    """Return the function that gives the columns *names* with the contract's types; their schema is `types`."""

    def typed(parts: Parts) -> Parts:
        for part in parts:
            columns = _typed(part, contract, names)
            arrays = [_array(columns[name], contract.columns[name].type) for name in names]
            yield pa.RecordBatch.from_arrays(arrays, [f"c{position}" for position in range(len(names))])

    return typed


def types(contract: Contract, names: list[str]) -> str:
    """Return the schema of what `typing` gives, c0 and so on: numbers, times, and strings for all others."""
    kinds = {**dict.fromkeys(NUMERIC, "double"), **dict.fromkeys(TEMPORAL, "timestamp_ntz")}
    return ", ".join(f"c{n} {kinds.get(contract.columns[name].type, 'string')}" for n, name in enumerate(names))


def _typed(part: pa.RecordBatch, contract: Contract, names: Collection[str]) -> dict[str, pd.Series]:
    """Return the columns *names* with the contract's types, in its order."""
    columns = {name: column for name, column in contract.columns.items() if name in names}
    return {name: frame.of_batch(part, name, column, contract.decimal) for name, column in columns.items()}


def _array(values: pd.Series, kind: str) -> pa.Array:
    if kind in NUMERIC:
        return pa.array(values.to_numpy(dtype="float64", na_value=np.nan), from_pandas=True)
    if kind in TEMPORAL:
        return pa.array(values.to_numpy().astype("datetime64[us]"))
    text = values.astype("string")
    return pa.array((text.str.lower() if kind == "boolean" else text).tolist(), pa.string(), from_pandas=True)
