"""The table of predictions in PostgreSQL, which batch runs and callers of the service fill: a row per key and model."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from ..common.errors import ProjectError
from .stamp import Stamp

TABLES = """
create table if not exists {predictions} (
  key text not null, model text not null,
  source text not null default 'batch' check (source in ('batch', 'online')),
  prediction jsonb, probability double precision, probabilities jsonb, error text,
  run text, made timestamptz not null default now(),
  primary key (key, model), check ((prediction is null) = (error is not null)));
create table if not exists {runs} (
  run text primary key, input text not null, model text not null, rows bigint not null default 0,
  refused bigint not null default 0, started timestamptz not null, ended timestamptz);
"""
NEW = """
create temporary table if not exists new_predictions (
  key text not null, prediction jsonb, probability double precision, probabilities jsonb, error text, made timestamptz
) on commit delete rows
"""
UPSERT = """
insert into {predictions} as old (key, model, source, prediction, probability, probabilities, error, run, made)
select key, %(model)s, 'batch', prediction, probability, probabilities, error, %(run)s, %(made)s from new_predictions
on conflict (key, model) do update set source = 'batch', prediction = excluded.prediction,
  probability = excluded.probability, probabilities = excluded.probabilities, error = excluded.error,
  run = excluded.run, made = excluded.made
where old.run is distinct from excluded.run
"""
BEGIN = """
insert into {runs} (run, input, model, started) values (%(run)s, %(input)s, %(model)s, %(made)s)
on conflict (run) do nothing
"""
MARK = "update {runs} set rows = rows + %s, refused = refused + %s where run = %s"
TWICE = "a key is twice in the rows to score: the columns under `key` in contract.yaml must identify a row"


class Prediction(NamedTuple):
    """One row to write; JSON values as text."""

    key: str
    prediction: str | None
    probability: float | None
    probabilities: str | None
    error: str | None


class Run(NamedTuple):
    """What the database knows of a run."""

    rows: int
    refused: int
    ended: bool


class PredictionTable:
    """The table *name*, and beside it that of its runs, on a connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[TupleRow], name: str) -> None:
        """Write to the table *name*."""
        self._connection = connection
        identifier = name.split(".")
        self._names = {
            "predictions": sql.Identifier(*identifier),
            "runs": sql.Identifier(*identifier[:-1], f"{identifier[-1]}_runs"),
        }

    def _execute(self, text: str, values: Any = None) -> psycopg.Cursor[TupleRow]:
        return self._connection.execute(sql.SQL(text).format(**self._names), values)

    def create(self) -> None:
        """Create the tables if they do not exist."""
        with self._connection.transaction():
            self._execute("select pg_advisory_xact_lock(hashtextextended('tables of predictions', 0))")
            self._execute(TABLES)
        self._execute(NEW)

    def _copy(self, names: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        copied = sql.SQL("copy new_predictions ({}) from stdin").format(columns)
        with self._connection.cursor() as cursor, cursor.copy(copied) as copy:
            for row in rows:
                copy.write_row(row)


class Predictions(PredictionTable):
    """One of the runs of a table."""

    def __init__(self, connection: psycopg.Connection[TupleRow], name: str, stamp: Stamp) -> None:
        """Write the rows of the run of *stamp*."""
        super().__init__(connection, name)
        self._stamp = stamp

    def begin(self, source: str) -> Run:
        """Begin the run, or resume it; return how far it is. Raises ProjectError if it is another one, or running."""
        stamp = self._stamp
        locked = self._execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [stamp.run]).fetchone()
        if locked != (True,):
            raise ProjectError(
                f"run {stamp.run} is being written by another process: wait for it, or choose another name for the run"
            )
        self.create()
        self._execute(BEGIN, {"run": stamp.run, "input": source, "model": stamp.model, "made": stamp.made})
        names = "select input, model, rows, refused, ended is not null from {runs} where run = %s"
        ((before, model, rows, refused, ended),) = self._execute(names, [stamp.run])
        if (before, model) != (source, stamp.model):
            raise ProjectError(f"run {stamp.run} scored {before} by version {model}: choose another name for the run")
        return Run(rows, refused, ended)

    def written(self, keys: Sequence[str]) -> set[str]:
        """Return those of *keys* that this run has written."""
        query = "select key from {predictions} where key = any(%s) and model = %s and run = %s"
        values = [list(keys), self._stamp.model, self._stamp.run]
        return {key for (key,) in self._execute(query, values)}

    def write(self, rows: Sequence[Prediction]) -> None:
        """Write *rows* and the run's mark, all or nothing; raises ProjectError if a key is there twice."""
        if len({row.key for row in rows}) < len(rows):
            raise ProjectError(TWICE)
        stamp = self._stamp
        with self._connection.transaction():
            self._copy(Prediction._fields, rows)
            values = {"model": stamp.model, "run": stamp.run, "made": stamp.made}
            if self._execute(UPSERT, values).rowcount != len(rows):
                raise ProjectError(TWICE)
            self._execute(MARK, [len(rows), sum(row.error is not None for row in rows), stamp.run])

    def end(self) -> None:
        """Note that the run has written all of its rows."""
        self._execute("update {runs} set ended = now() where run = %s", [self._stamp.run])


def json_text(value: Any) -> str | None:
    """Return a value of a prediction as JSON."""
    return None if value is None else json.dumps(value, ensure_ascii=False)
