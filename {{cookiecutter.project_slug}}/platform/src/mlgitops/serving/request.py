"""Parses the body of a request: bytes to the scorer's columns, or an error that names row and field."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.row_schema import request_model
from .body_parts import ARRAY, PART_BYTES, SHAPE, TABLE, Part, check_row, in_body, nested_value, parts
from .refusal import MAX_DETAILS, RequestError, detail

MAX_ROW_BYTES = 1_000_000  # of one row, whatever the contract allows
MAX_VALUE_BYTES = 500  # of a number or a time, and of the blanks around a field
CHECKED_ROWS = 1000  # rows checked for further errors, from the first invalid one
MAX_CHAR_BYTES = 12  # of a character that is written as two escapes

Columns = dict[str, list[Any]]


class RequestParser:
    """Parses bodies with one row, a JSON object, or several, an array of objects."""

    def __init__(self, contract: Contract, max_rows: int) -> None:
        """Parse rows of *contract*, at most *max_rows* of them."""
        accepted = {**contract.inputs, **contract.request_keys}  # keys pass through: the model does not read them
        self._names, self._max_rows = dict.fromkeys(accepted), max_rows
        strings = ("category", "datetime", "date", "text")
        self._strings = [name for name, column in accepted.items() if column.type in strings]
        most_bytes = sum(_most_bytes(name, column) for name, column in accepted.items())
        self._row_bytes = min(max(PART_BYTES, most_bytes), MAX_ROW_BYTES)
        # unknown fields are ignored here: to list them all would take seconds, so `_check_names` lists the first ones
        row = request_model(contract, extra="ignore")
        rows: Any = Annotated[list[row], FailFast(), Field(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]  # built at run time
        self._row: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._rows: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(rows)

    def read(self, body: bytes | bytearray) -> tuple[Columns, bool]:
        """Return the columns, and whether the body is an array of rows; raises RequestError."""
        batch, *columns = ARRAY.match(body) is not None, *self.parts(body)
        if len(columns) == 1:
            return columns[0], batch
        return {name: [value for part in columns for value in part[name]] for name in self._names}, batch

    def parts(self, body: bytes | bytearray) -> Iterator[Columns]:
        """Yield the columns of some rows at a time; raises RequestError at the first rows that are wrong."""
        if ARRAY.match(body) is None:
            check_row(body, self._row_bytes, len(self._names))
            yield self._columns(Part(0, body), body, batch=False)
            return
        rows = 0
        try:
            for part in parts(body, self._row_bytes, len(self._names)):
                columns = self._columns(part, body, batch=True)
                rows += len(next(iter(columns.values())))
                if rows > self._max_rows:
                    raise self._too_many()
                yield columns
        except RequestError as error:
            raise error.shifted(rows) from None

    def _columns(self, part: Part, body: bytes | bytearray, batch: bool) -> Columns:
        try:
            rows = self._rows.validate_json(part.json) if batch else [self._row.validate_json(part.json)]
        except ValidationError as error:
            raise self._refusal(part, body, error, batch) from None
        columns = {name: [row.get(name) for row in rows] for name in self._names}
        self._check_names(part.json, rows, columns)
        return columns

    def _check_names(self, body: bytes | bytearray, rows: list[dict[str, Any]], columns: Columns) -> None:
        """Raise RequestError for unknown fields, and for repeated ones, of which the parser keeps the last.

        Each field name and each string has two quotes; a body with more than *rows* account for needs a full check.
        """
        strings = sum(len(rows) - columns[name].count(None) for name in self._strings)
        if body.count(b'"') == 2 * (sum(map(len, rows)) + strings):
            return
        pairs = json.loads(body, object_pairs_hook=tuple, parse_int=str)
        details: list[dict[str, Any]] = []
        for position, row in enumerate(pairs if isinstance(pairs, list) else [pairs]):
            counts = Counter(name for name, _ in row)
            details += [detail(position, name, "Field is written twice") for name, n in counts.items() if n > 1]
            details += self._unknown(counts, position)
        if details:
            raise RequestError(422, "the rows violate the contract", details)

    def _unknown(self, row: Iterable[str], position: int) -> list[dict[str, Any]]:
        unknown = [name for name in row if name not in self._names][:MAX_DETAILS]
        return [detail(position, name, "There is no such field") for name in unknown]

    def _refusal(self, part: Part, body: bytes | bytearray, error: ValidationError, batch: bool) -> RequestError:
        first = _errors(error)[0]
        if first["type"] == "json_invalid":
            not_flat = nested_value(part.json[1:]) if part.json is not body else None  # a part may end within a row
            message = in_body(first["msg"], part.offset, body)
            return not_flat or RequestError(400, "the body is not JSON", [detail(None, None, message)])
        if first["loc"] == () and first["type"] == "too_short":
            return RequestError(
                422, "there are no rows to score", [detail(None, None, "Array should have at least one row")]
            )
        if first["loc"] == () and first["type"] == "too_long":
            return self._too_many()
        rows, start = from_json(part.json), first["loc"][0] if batch else 0
        reason = SHAPE if part.offset == 0 and TABLE.match(body) else "the rows violate the contract"
        return RequestError(422, reason, self._invalid(rows[start : start + CHECKED_ROWS] if batch else [rows], start))

    def _too_many(self) -> RequestError:
        return RequestError(413, f"there are more than {self._max_rows} rows: send them in several requests")

    def _invalid(self, rows: list[Any], start: int) -> list[dict[str, Any]]:
        """Return the errors of *rows*, stopping at MAX_DETAILS; the first row has number *start*."""
        details: list[dict[str, Any]] = []
        for position, row in enumerate(rows, start):
            try:
                self._row.validate_json(to_json(row, inf_nan_mode="constants"))
            except ValidationError as error:
                details += [detail(position, e["loc"][-1] if e["loc"] else None, _message(e)) for e in _errors(error)]
            details += self._unknown(row if isinstance(row, dict) else (), position)
            if len(details) >= MAX_DETAILS:
                break
        return details


def _most_bytes(name: str, column: Column) -> int:
    """Return the length that a field may have in a body."""
    chars = column.max_chars if column.type in ("category", "text") and not column.categories else 0
    chars = max([chars, *map(len, column.categories or ())])
    return MAX_CHAR_BYTES * (len(name) + chars) + MAX_VALUE_BYTES


def _errors(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _message(error: Any) -> str:
    if error["type"] == "missing":
        return "Field is required"
    if error["type"] == "string_pattern_mismatch":
        return "Input should be a date, or a date and time, as in ISO 8601"
    return str(error["msg"])
