"""Reads the body of a request: bytes in, the scorer's columns out, or an error that names row and field."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ..contract.contract import Contract
from ..contract.row_schema import request_model

MANY = re.compile(rb"[ \t\r\n]*\[")
DETAILS = 20  # things wrong that one answer names
LOOKED_AT = 1000  # rows looked at for them, from the first wrong one on
SHOWN = 300  # letters of a message


class RequestError(Exception):
    """A request that is not answered: the HTTP status, what is wrong, and where."""

    def __init__(self, status: int, error: str, details: list[dict[str, Any]] | None = None) -> None:
        """Say what is wrong; *details* name row and field, and nothing of what was sent there."""
        super().__init__(error)
        self.status, self.error, self.details = status, error, details or []


def detail(row: int | None, field: str | None, message: str) -> dict[str, Any]:
    """Return one entry of a refusal's details."""
    return {"row": row, "field": field and field[:100], "message": message[:SHOWN]}


class Reader:
    """Reads bodies that hold one row, a JSON object, or many, an array of objects."""

    def __init__(self, contract: Contract, most: int) -> None:
        """Read rows of *contract*, at most *most* of them."""
        self._names, self._most = dict.fromkeys(contract.inputs), most
        self._texts = [name for name, c in contract.inputs.items() if c.type in ("category", "datetime", "date")]
        # to list a million unknown fields, or wrong rows, would take seconds: `_refuse_names` finds the first of them
        row = request_model(contract, extra="ignore")
        rows: Any = Annotated[list[row], FailFast(), Field(min_length=1, max_length=most)]  # type: ignore[valid-type]  # made
        self._one: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._many: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(rows)

    def read(self, body: bytes | bytearray) -> tuple[dict[str, list[Any]], bool]:
        """Return the columns, and whether many rows were sent; raises RequestError."""
        many = MANY.match(body) is not None
        try:
            rows = self._many.validate_json(body) if many else [self._one.validate_json(body)]
        except ValidationError as error:
            raise self._refusal(body, error, many) from None
        columns = {name: [row.get(name) for row in rows] for name in self._names}
        self._refuse_names(body, rows, columns)
        return columns, many

    def _refuse_names(self, body: bytes | bytearray, rows: list[dict[str, Any]], columns: dict[str, list[Any]]) -> None:
        """Refuse a row with an unknown field, or with one twice, of which the parser has kept the last.

        A field's name and a text have two quotes each: more than *rows* account for are others, or escaped ones.
        """
        texts = sum(len(rows) - columns[name].count(None) for name in self._texts)
        if body.count(b'"') == 2 * (sum(map(len, rows)) + texts):
            return
        pairs = json.loads(body, object_pairs_hook=tuple, parse_int=str)
        details: list[dict[str, Any]] = []
        for position, row in enumerate(pairs if isinstance(pairs, list) else [pairs]):
            times = Counter(name for name, _ in row)
            details += [detail(position, name, "Field is written twice") for name, n in times.items() if n > 1]
            details += self._unknown(times, position)
        if details:
            raise RequestError(422, "the rows do not keep the contract", details[:DETAILS])

    def _unknown(self, row: Iterable[str], position: int) -> list[dict[str, Any]]:
        return [detail(position, name, "There is no such field") for name in row if name not in self._names][:DETAILS]

    def _refusal(self, body: bytes | bytearray, error: ValidationError, many: bool) -> RequestError:
        first = _errors(error)[0]
        if first["type"] == "json_invalid":
            return RequestError(400, "the body is not JSON", [detail(None, None, first["msg"])])
        if first["loc"] == () and first["type"] == "too_short":
            return RequestError(
                422, "there is no row to score", [detail(None, None, "Array should have at least one row")]
            )
        if first["loc"] == () and first["type"] == "too_long":
            return RequestError(413, f"there are more than {self._most} rows: send them in several requests")
        rows, start = from_json(body), first["loc"][0] if many else 0
        details = self._wrong(rows[start : start + LOOKED_AT] if many else [rows], start)
        return RequestError(422, "the rows do not keep the contract", details[:DETAILS])

    def _wrong(self, rows: list[Any], start: int) -> list[dict[str, Any]]:
        """Return what is wrong with *rows*, of which the first has the number *start*, until enough is found."""
        details: list[dict[str, Any]] = []
        for position, row in enumerate(rows, start):
            try:
                self._one.validate_json(to_json(row, inf_nan_mode="constants"))
            except ValidationError as error:
                details += [detail(position, e["loc"][-1] if e["loc"] else None, _message(e)) for e in _errors(error)]
            details += self._unknown(row if isinstance(row, dict) else (), position)
            if len(details) >= DETAILS:
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
