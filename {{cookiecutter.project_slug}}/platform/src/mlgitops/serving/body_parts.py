"""Splits a request body with many rows into parts, so that what a request costs is bounded before anything is built.

A row has no nested value. A part therefore ends where `},{` stands outside a string, which counting quotes tells in C;
a body in which no such place follows in time is refused, and only then is it looked at more closely.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .refusal import RequestError, detail

PART_BYTES = 65_536  # parsed and scored at once; a part is larger by at most one row
ARRAY = re.compile(rb"[ \t\r\n]*\[[ \t\r\n]*")
BETWEEN = re.compile(rb"\}[ \t\r\n]*+,[ \t\r\n]*+\{")
ESCAPE = re.compile(rb"\\.", re.DOTALL)
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
OPEN_ROW = re.compile(
    rb'[ \t\r\n,]*+\{(?:[^{}\[\]"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL
)  # up to its }, or a nested value
OTHER_VALUE = re.compile(rb'[ \t\r\n,]*+["\[\-0-9tfn]')  # the start of a value that is no object
LAST_FIELD = re.compile(rb'"([^"\\]*)"\s*:\s*\Z')
TABLE = re.compile(  # the other ways to write a table: of MLflow, TensorFlow Serving and pandas
    rb'\s*\{\s*"(?:columns|data|dataframe_records|dataframe_split|index|inputs|instances|schema)"\s*:'
    rb'|\s*\{\s*"(?:[^"\\]|\\.)*+"\s*:\s*[\[{]|\s*\[\s*\[',
    re.DOTALL,
)
POSITION = re.compile(r" at line (\d+) column (\d+)$")
SHAPE = "the body is not a row or an array of rows: send [{…}, {…}], in pandas to_json(orient='records')"


@dataclass(frozen=True)
class Part:
    """Whole rows as a JSON array, and the offset of its bracket in the body."""

    offset: int
    json: bytes | bytearray


def parts(body: bytes | bytearray, row_bytes: int, fields: int) -> Iterator[Part]:
    """Yield the parts of *body*, an array of rows of at most *row_bytes* bytes and *fields* fields.

    Raises RequestError for the first row that is none, counted from the start of its part.
    """
    if len(body) <= PART_BYTES:
        yield Part(0, body)
        return
    array = ARRAY.match(body)
    start = array.end() if array else 0
    while (between := _between_rows(body, start, row_bytes)) is not None:
        yield Part(start - 1, b"".join((b"[", body[start : between.start()], b"}]")))
        start = between.end() - 1
    rest = b"".join((b"[", body[start : start + PART_BYTES + row_bytes + 1]))
    check_row(rest, row_bytes, fields, PART_BYTES)
    yield Part(start - 1, rest)


def check_row(row: bytes | bytearray, row_bytes: int, fields: int, spare: int = 0) -> None:
    """Raise RequestError if *row*, after *spare* bytes of other rows, is too long or has too many values."""
    if len(row) <= PART_BYTES:
        return
    if len(row) <= row_bytes + spare:
        outside = STRING.sub(b"", row)
        if sum(map(outside.count, (b",", b"[", b"{"))) <= 2 * fields + spare:
            return
    if TABLE.match(row):
        raise RequestError(422, SHAPE)
    limits = f"{row_bytes} bytes and {fields} fields"
    error = RequestError(413, f"a row has at most {limits}: send several rows as an array of objects")
    raise nested_value(row[: PART_BYTES + row_bytes].lstrip(b"[")) or error


def _between_rows(body: bytes | bytearray, start: int, row_bytes: int) -> re.Match[bytes] | None:
    """Return the place between two rows that ends the part that begins at *start*, or None if none is near."""
    counted, inside = start, False
    for between in BETWEEN.finditer(body, start + PART_BYTES, start + PART_BYTES + row_bytes):
        inside ^= _quotes(body, counted, between.start()) % 2 == 1
        counted = between.start()
        if not inside:
            return between
    return None


def _quotes(body: bytes | bytearray, start: int, end: int) -> int:
    """Return how many strings begin or end between two positions."""
    if body.find(b"\\", start, end) < 0:
        return body.count(b'"', start, end)
    return ESCAPE.sub(b"", body[start:end]).count(b'"')


def nested_value(rows: bytes | bytearray) -> RequestError | None:
    """Return the error of the first of *rows* that is no object or has a nested value, or None if there is none."""
    position = number = 0
    while row := OPEN_ROW.match(rows, position):
        position = row.end()
        if rows[position : position + 1] != b"}":
            break
        position, number = position + 1, number + 1
    following = rows[position : position + 1]
    name = LAST_FIELD.search(rows, max(0, position - 1000), position)
    if row and following in (b"{", b"["):
        field = name[1].decode(errors="replace") if name else None
        return RequestError(422, SHAPE, [detail(number, field, "Input should be a single value")])
    if not row and OTHER_VALUE.match(rows, position):
        return RequestError(422, SHAPE, [detail(number, None, "Input should be an object")])
    return None


def in_body(message: str, offset: int, body: bytes | bytearray) -> str:
    """Return *message*, whose line and column are those of a part at *offset*, with those of the whole *body*."""
    place = POSITION.search(message)
    if place is None or offset == 0:
        return message
    lines, column = body.count(b"\n", 0, offset), int(place[2])
    if place[1] == "1":
        column += offset - (body.rfind(b"\n", 0, offset) + 1)
    return f"{message[: place.start()]} at line {int(place[1]) + lines} column {column}"
