"""Hypothesis strategies for the rows that a contract allows, and for cells that it does not."""

import json
import math
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from mlgitops.contract.column import MAX_MAGNITUDE, Column
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import TIME_RANGE
from mlgitops.contract.strings import BLANKS

ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
TEXTS = ANY.filter(lambda text: text.strip(BLANKS))  # blanks alone are a missing value


def rows(contract: Contract) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for rows, as JSON values, that keep *contract*."""
    needed = {name: _cells(column) for name, column in contract.inputs.items() if not column.missing}
    other = {name: st.none() | _cells(column) for name, column in contract.inputs.items() if column.missing}
    return st.fixed_dictionaries(needed, optional=other)


def _cells(column: Column) -> st.SearchStrategy[Any]:
    if column.categories:
        return st.sampled_from(column.categories)
    if column.type == "boolean":
        return st.booleans()
    if column.type in ("number", "integer"):
        low, high = _range(column)
        whole = st.integers(math.ceil(low), math.floor(high))
        return whole | whole.map(float) if column.type == "integer" else st.floats(low, high)
    if column.type in ("datetime", "date"):
        low, high = (bound or usual for bound, usual in zip((column.min, column.max), TIME_RANGE, strict=True))
        moments = st.datetimes(low, high)  # type: ignore[arg-type]  # bounds of a time are times
        return moments.map(lambda t: t.date().isoformat() if column.type == "date" else t.isoformat())
    return TEXTS


def mistakes(contract: Contract) -> st.SearchStrategy[tuple[str, str]]:
    """Return a strategy for a field's name and JSON that it may not hold."""
    return st.sampled_from([(name, text) for name, column in contract.inputs.items() for text in _wrong(column)])


def _wrong(column: Column) -> list[str]:
    found = ["[]", "{}", "[1]", '{"a": 1}', "NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400]
    if column.type in ("number", "integer"):
        found += ["true", '"1"', '""', '"my address 4711"', *map(json.dumps, _beyond(column))]
        found += ["0.5", "1.25e0"] if column.type == "integer" else []
    elif column.type == "boolean":
        found += ["0", "1", '"true"', '"yes"', '""']
    elif column.type in ("datetime", "date"):
        found += ["0", "true", '""', '"my address 4711"', '"20200101"', '"1577836800"', '"2020-13-01T00:00:00"']
        found += ['"2020-02-30"', '"0001-01-01"', '"9999-12-31"', *map(json.dumps, _beyond(column))]
    else:
        found += ["0", "true", '""', json.dumps("a" * 1001)]
        found += ['"my address 4711"'] if column.categories else []
    return found if column.missing else [*found, "null"]


def _range(column: Column) -> tuple[float, float]:
    low, high = (float(bound) if isinstance(bound, float) else None for bound in (column.min, column.max))
    largest = MAX_MAGNITUDE[column.type]
    return (-largest if low is None else low), (largest if high is None else high)


def _beyond(column: Column) -> list[Any]:
    if column.type in ("number", "integer"):
        low, high = _range(column)
        return [math.nextafter(low, -math.inf), math.nextafter(high, math.inf)]
    years = [(column.min, -1), (column.max, 1)]
    moved = [bound.replace(year=bound.year + step) for bound, step in years if isinstance(bound, datetime)]
    return [t.date().isoformat() if column.type == "date" else t.isoformat() for t in moved]
