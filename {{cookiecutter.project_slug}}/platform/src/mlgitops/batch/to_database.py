"""Batch scoring into a table of predictions: a part and the mark of its run are one transaction.

A run that was stopped at any moment continues where it was: a row that the run has written is not scored again.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data import frame
from ..data.address import shown
from ..data.casting import typed
from ..data.database import address, without_secrets
from ..model.scorer import Scorer
from .answers import Count, answers
from .parts import chunks
from .predictions import TWICE, Prediction, Predictions, json_text
from .stamp import Stamp

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,50}(\.[A-Za-z_][A-Za-z0-9_]{0,50})?")


def run(source: str | Path, name: str, scorer: Scorer, stamp: Stamp) -> Count:
    """Write the predictions for the table *source* to the table *name*; return the numbers of the whole run.

    Raises ProjectError, which shows no secret of the address, if the table cannot be written; what was written before
    is complete, and the same run continues there.
    """
    with connected(name, scorer.contract) as connection:
        table, count = Predictions(connection, name, stamp), Count()
        before = table.begin(shown(str(source)))
        count.rows, count.refused = before.rows, before.refused
        if before.ended:
            return count
        waiting = _waiting(chunks(source, scorer.contract), scorer.contract, table, before.rows)
        for part, reasons in answers(waiting, scorer, stamp, str(source)):
            table.write(rows(part, keys(part, scorer.contract), scorer.contract.classes))
            count.add(part.num_rows, reasons)
        table.end()
    return count


@contextmanager
def connected(name: str, contract: Contract) -> "Iterator[psycopg.Connection[TupleRow]]":
    """Yield a connection, in autocommit mode, to the database of the table *name*; no error shows its secrets."""
    import psycopg

    if not NAME.fullmatch(name):
        raise ProjectError(f"table:{name}: write a name of letters, digits and _, such as table:predictions")
    if not contract.key:
        raise ProjectError(f"table:{name}: contract.yaml names no `key`, which identifies the rows of the table")
    database = address(f"table:{name}")
    if database.kind != "postgresql":
        raise ProjectError(f"table:{name}: predictions are written to PostgreSQL, not {database.kind}: write a file")
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        without_secrets(f"table:{name}", database, "writing predictions"),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield connection


def _waiting(
    parts: Iterator[pa.RecordBatch], contract: Contract, table: Predictions, before: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows that the run has not written; raises ProjectError if more are written than *before* it began."""
    skipped = 0
    for part in parts:
        names = keys(part, contract)
        written = table.written(names)
        skipped += len(written)
        if skipped > before:
            raise ProjectError(TWICE)
        if written:
            part = part.filter(pa.array([name not in written for name in names]))
        if part.num_rows:
            yield part


def keys(part: pa.RecordBatch, contract: Contract) -> list[str]:
    """Return the key of each row as text: that of one column as a caller would send it, of several as a JSON array."""
    columns = []
    for name in contract.key:
        if name not in part.schema.names:
            raise ProjectError(f"the rows have no column {name}, which is part of the key: add it")
        column = contract.columns[name]
        values = frame.json_values(typed(part.column(name).to_pandas(), column, contract.decimal), column)
        if None in values:
            raise ProjectError(f"a row has no {name}, which is part of the key: leave such rows out")
        columns.append(values)
    if len(columns) == 1:
        return [str(value) for value in columns[0]]
    return [json.dumps(row, ensure_ascii=False) for row in zip(*columns, strict=True)]


def rows(part: pa.RecordBatch, keys: Sequence[str], labels: Sequence[str]) -> list[Prediction]:
    """Return the predictions in *part*, whose rows have these *keys*, of a model with these *labels*."""
    empty: list[None] = [None] * part.num_rows
    predictions = [json_text(value) for value in part.column("prediction").to_pylist()]
    errors = part.column("error").to_pylist()
    probability = part.column("probability").to_pylist() if len(labels) == 2 else empty
    probabilities: Sequence[str | None] = empty
    if len(labels) > 2:
        shares = zip(*(part.column(f"probability {label}").to_pylist() for label in labels), strict=True)
        texts = (json_text(dict(zip(labels, row, strict=True))) for row in shares)
        probabilities = [text if error is None else None for text, error in zip(texts, errors, strict=True)]
    columns = zip(keys, predictions, probability, probabilities, errors, strict=True)
    return [Prediction(*row) for row in columns]
