"""Tables that are sent by column, or as arrays without names: turned into rows, some at a time, within bounds."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json

from .refusal import RequestError, detail

CHUNK_ROWS = 500  # turned at once
SPARE_CONTAINERS = 10_000  # arrays and objects that a body may have beside one for each row


def parsed(body: bytearray, max_rows: int) -> dict[str, Any]:
    """Return the object in *body*; raises RequestError.

    Values take a few times their size in memory, but empty arrays and objects would take 30 times theirs: their number
    is bounded before anything is built. Numbers that are not finite pass here: the row that they are in is refused.
    """
    if body.count(b"[") + body.count(b"{") > max_rows + SPARE_CONTAINERS:
        raise RequestError(413, f"the body has more than {max_rows + SPARE_CONTAINERS} arrays: send flat data")
    try:
        document = from_json(body)
    except ValueError as error:
        raise RequestError(400, "the body is not JSON", [detail(None, None, str(error))]) from None
    if not isinstance(document, dict):
        raise RequestError(400, "the body is not a JSON object")
    json.loads(body, object_pairs_hook=_check_pairs, parse_int=bool, parse_float=bool, parse_constant=bool)
    return document


def _check_pairs(pairs: list[tuple[str, Any]]) -> None:
    """Raise RequestError for an object that has a name twice, of which a parser keeps the last value."""
    if len(dict(pairs)) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise RequestError(400, "an object has a name twice", [detail(None, name, "Name is written twice")])


def rows_of_columns(columns: Mapping[str, Sequence[Any]], max_rows: int) -> Iterator[bytes]:
    """Yield the rows of *columns*, which have equal lengths, as bodies of /predict; raises RequestError."""
    length = len(next(iter(columns.values()), ()))
    check_rows(length, max_rows)
    for first in range(0, length, CHUNK_ROWS):
        parts = [values[first : first + CHUNK_ROWS] for values in columns.values()]
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*parts, strict=True)]
        yield to_json(rows, inf_nan_mode="constants")


def rows_of_arrays(names: list[str], arrays: list[Any], max_rows: int) -> Iterator[bytes]:
    """Yield rows that are sent as *arrays* of values in the order of *names*; raises RequestError."""
    check_rows(len(arrays), max_rows)
    for first in range(0, len(arrays), CHUNK_ROWS):
        chunk = []
        for number, values in enumerate(islice(arrays, first, first + CHUNK_ROWS), first):
            if not isinstance(values, list) or len(values) != len(names):
                message = f"Input should be an array of {len(names)} values, one for each of the columns"
                raise RequestError(422, "the rows violate the contract", [detail(number, None, message)])
            chunk.append(dict(zip(names, values, strict=True)))
        yield to_json(chunk, inf_nan_mode="constants")


def check_names(names: list[Any], known: Callable[[str], bool]) -> None:
    """Raise RequestError unless *names* are different fields of the contract."""
    if not all(isinstance(name, str) for name in names):
        raise RequestError(400, "the names of columns are not strings")
    wrong = [detail(None, name, "There is no such field") for name in names if not known(name)]
    repeated = {name for name in names if names.count(name) > 1} if not wrong else ()
    wrong += [detail(None, name, "Field is written twice") for name in repeated]
    if wrong:
        raise RequestError(422, "the rows violate the contract", wrong)


def check_rows(number: int, max_rows: int) -> None:
    """Raise RequestError if there are no rows, or too many."""
    if number == 0:
        raise RequestError(422, "there are no rows to score")
    if number > max_rows:
        raise RequestError(413, f"there are more than {max_rows} rows: send them in several requests")
