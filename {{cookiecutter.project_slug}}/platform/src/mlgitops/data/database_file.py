"""Reads a table of a SQLite or DuckDB file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.params import Ingest
from . import cells
from .reading import Reading, require, unique

KINDS = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "blob": pa.binary(), "null": pa.null()}


def sqlite(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table or view of a SQLite file; a column of several types becomes strings."""
    reading.format = "SQLite file"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            listed = base.execute(
                "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by 1"
            )
            table = _table(path, [name for (name,) in listed], settings, reading)
            header = [column[0] for column in base.execute(f"select * from {table} limit 0").description]  # noqa: S608  # quoted
            schema = _schema(base, table, header)
            rows = (dict(zip(schema.names, row, strict=True)) for row in base.execute(f"select * from {table}"))  # noqa: S608
            yield from cells.batches(rows, schema)
    except sqlite3.Error as error:
        raise ProjectError(f"{path}: cannot be read as a SQLite file: {error}") from error


def duckdb(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table or view of a DuckDB file."""
    reading.format = "DuckDB file"
    engine = require("duckdb", "duckdb", f"{path}: a DuckDB file")
    try:
        with engine.connect(str(path), read_only=True) as base:
            listed = base.sql("select table_name from information_schema.tables order by 1").fetchall()
            table = _table(path, [name for (name,) in listed], settings, reading)
            yield from base.table(table).to_arrow_reader(cells.BATCH_ROWS)
    except engine.Error as error:
        raise ProjectError(f"{path}: cannot be read as a DuckDB file: {error}") from error


def _table(path: Path, names: list[str], settings: Ingest, reading: Reading) -> str:
    """Return the quoted name of the table to read; raises ProjectError unless it is clear which."""
    if settings.table and settings.table not in names:
        raise ProjectError(
            f"{path}: TABLE={settings.table}: no such table; the tables are {', '.join(names) or 'none'}"
        )
    if not settings.table and len(names) != 1:
        raise ProjectError(f"{path}: name the table with TABLE=; the tables are {', '.join(names) or 'none'}")
    name = settings.table or names[0]
    reading.details["table"] = name
    return _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _schema(base: sqlite3.Connection, table: str, header: list[str]) -> pa.Schema:
    """Return the types of the columns, from the types of all values: a column of SQLite may hold several."""
    types = ", ".join(f"group_concat(distinct typeof({_quoted(name)}))" for name in header)
    row: tuple[Any, ...] = base.execute(f"select {types} from {table}").fetchone()  # noqa: S608
    kinds = [{KINDS[word] for word in (cell or "null").split(",")} - {pa.null()} for cell in row]
    return pa.schema([(name, _one(kind)) for name, kind in zip(unique(header), kinds, strict=True)])


def _one(kinds: set[pa.DataType]) -> pa.DataType:
    if not kinds:
        return pa.null()
    if kinds == {pa.int64(), pa.float64()}:
        return pa.float64()
    return next(iter(kinds)) if len(kinds) == 1 else pa.string()
