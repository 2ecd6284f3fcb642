"""Parses the body of a request: bytes to the scorer's columns, or an error that names row and field."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ..contract.contract import Contract
from ..contract.row_schema import request_model

ARRAY = re.compile(rb"[ \t\r\n]*\[")
MAX_DETAILS = 20  # errors listed in one response
CHECKED_ROWS = 1000  # rows checked for further errors, from the first invalid one
MAX_MESSAGE_CHARS = 300


class RequestError(Exception):
    """A refused request: the HTTP status, what is wrong, and where."""

    def __init__(self, status: int, error: str, details: list[dict[str, Any]] | None = None) -> None:
        """Create the error; *details* name row and field, but never the values that were sent."""
        super().__init__(error)
        self.status, self.error, self.details = status, error, details or []


def detail(row: int | None, field: str | None, message: str) -> dict[str, Any]:
    """Return one entry of `RequestError.details`."""
    return {"row": row, "field": field and field[:100], "message": message[:MAX_MESSAGE_CHARS]}


class Rows(NamedTuple):
    """The rows of a request by column: the inputs of the model, and the key columns that were sent with them."""

    columns: dict[str, list[Any]]
    keys: dict[str, list[Any]]
    batch: bool  # whether the body is an array of rows


class RequestParser:
    """Parses bodies with one row, a JSON object, or several, an array of objects."""

    def __init__(self, contract: Contract, max_rows: int) -> None:
        """Parse rows of *contract*, at most *max_rows* of them."""
        self._names, self._max_rows = dict.fromkeys(contract.inputs), max_rows
        self._keys, accepted = dict.fromkeys(contract.request_keys), contract.request_keys | contract.inputs
        self._accepted = frozenset(accepted)
        strings = ("category", "datetime", "date", "text")
        self._strings = [name for name, c in accepted.items() if c.type in strings]
        # listing a million unknown fields or invalid rows would take seconds: `_check_names` finds the first ones
        row = request_model(contract, extra="ignore")
        rows: Any = Annotated[list[row], FailFast(), Field(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]  # built at run time
        self._row: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._rows: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(rows)

    def read(self, body: bytes | bytearray) -> Rows:
        """Return the rows by column; raises RequestError."""
        batch = ARRAY.match(body) is not None
        try:
            rows = self._rows.validate_json(body) if batch else [self._row.validate_json(body)]
        except ValidationError as error:
            raise self._refusal(body, error, batch) from None
        columns = {name: [row.get(name) for row in rows] for name in self._names}
        keys = {name: [row.get(name) for row in rows] for name in self._keys}
        self._check_names(body, rows, columns | keys if keys else columns)
        return Rows(columns, keys, batch)

    def _check_names(self, body: bytes | bytearray, rows: list[dict[str, Any]], columns: dict[str, list[Any]]) -> None:
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
            raise RequestError(422, "the rows violate the contract", details[:MAX_DETAILS])

    def _unknown(self, row: Iterable[str], position: int) -> list[dict[str, Any]]:
        unknown = [name for name in row if name not in self._accepted][:MAX_DETAILS]
        return [detail(position, name, "There is no such field") for name in unknown]

    def _refusal(self, body: bytes | bytearray, error: ValidationError, batch: bool) -> RequestError:
        first = _errors(error)[0]
        if first["type"] == "json_invalid":
            return RequestError(400, "the body is not JSON", [detail(None, None, first["msg"])])
        if first["loc"] == () and first["type"] == "too_short":
            return RequestError(
                422, "there are no rows to score", [detail(None, None, "Array should have at least one row")]
            )
        if first["loc"] == () and first["type"] == "too_long":
            return RequestError(413, f"there are more than {self._max_rows} rows: send them in several requests")
        rows, start = from_json(body), first["loc"][0] if batch else 0
        details = self._invalid(rows[start : start + CHECKED_ROWS] if batch else [rows], start)
        return RequestError(422, "the rows violate the contract", details[:MAX_DETAILS])

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


def _errors(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _message(error: Any) -> str:
    if error["type"] == "missing":
        return "Field is required"
    if error["type"] == "string_pattern_mismatch":
        return "Input should be a date, or a date and time, as in ISO 8601"
    return str(error["msg"])
