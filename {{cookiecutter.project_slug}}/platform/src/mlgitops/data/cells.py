"""Builds typed columns from Python values, as workbooks, JSON, SQLite files and database drivers give them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

BATCH_ROWS = 1 << 16
MAX_INTEGER = 1 << 63
STRING, UTC_TIME = pa.string(), pa.timestamp("us", "UTC")
KINDS: dict[type, pa.DataType] = {
    float: pa.float64(),
    datetime: pa.timestamp("us"),
    date: pa.date32(),
    timedelta: pa.duration("us"),
    bytes: pa.binary(),
}


class ColumnTypes:
    """The type of each column, in the order in which the columns appear: widened by every value that is seen."""

    def __init__(self) -> None:
        """Start without columns."""
        self.types: dict[str, pa.DataType] = {}

    def see(self, row: dict[str, Any]) -> None:
        """Widen the types of the columns by the values of a row."""
        for name, value in row.items():
            kind, before = kind_of(value), self.types.get(name)
            if before is None or before != kind:
                self.types[name] = wider(before, kind)

    @property
    def schema(self) -> pa.Schema:
        """The schema of all rows that were seen."""
        return pa.schema(list(self.types.items()))


def kind_of(value: Any) -> pa.DataType:
    """Return the type of a column that holds only *value*."""
    if value is None or value == "":
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if -MAX_INTEGER <= value < MAX_INTEGER else STRING
    return KINDS.get(type(value), STRING)


def wider(one: pa.DataType | None, other: pa.DataType) -> pa.DataType:
    """Return the type that holds the values of both; strings hold everything."""
    if one is None or pa.types.is_null(one) or one == other:
        return other
    if pa.types.is_null(other):
        return one
    kinds = {one, other}
    if kinds <= {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.timestamp("us") if kinds <= {pa.timestamp("us"), pa.date32()} else STRING


def batches(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield *rows* in parts with the columns of *schema*; a column that a row lacks is missing there."""
    converters = [(field.name, _converter(field.type)) for field in schema]
    part: dict[str, list[Any]] = {field.name: [] for field in schema}
    count = 0
    for row in rows:
        for name, convert in converters:
            value = row.get(name)
            part[name].append(None if value is None or value == "" else convert(value))
        count += 1
        if count == BATCH_ROWS:
            yield pa.RecordBatch.from_pydict(part, schema=schema)
            part, count = {name: [] for name in part}, 0
    if count:
        yield pa.RecordBatch.from_pydict(part, schema=schema)


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    if kind == STRING:
        return text
    if kind == pa.float64():
        return float
    return _midnight if kind == pa.timestamp("us") else lambda value: value


def _midnight(value: Any) -> Any:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def text(value: Any) -> str:
    """Return a value as a text table would hold it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_INTEGER:
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def array(values: Sequence[Any]) -> pa.Array:
    """Return values of a database driver as a column of one type."""
    try:
        inferred = pa.array(values)
    except (pa.ArrowException, OverflowError):  # of several types, or of one that Arrow does not know
        inferred = None
    if inferred is not None:
        if inferred.type in (*KINDS.values(), STRING, pa.null(), pa.bool_(), pa.int64()):
            return inferred
        if pa.types.is_timestamp(inferred.type):
            return inferred.cast(UTC_TIME)
    converted = [_plain(value) for value in values]
    kind = pa.null()
    for value in converted:
        kind = wider(kind, kind_of(value))
    convert = _converter(kind)
    return pa.array([None if value is None else convert(value) for value in converted], kind)


def _plain(value: Any) -> Any:
    """Return a value of a database driver as one of Python's: an exact decimal number as its digits."""
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else None
    return value.tobytes() if isinstance(value, memoryview) else value


def widened(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return values with the wider type *kind*; as strings they are written as `text` does."""
    if values.type == kind:
        return values
    if kind == STRING:
        return pa.array([None if value is None else text(value) for value in values.to_pylist()], STRING)
    return values.cast(kind)
