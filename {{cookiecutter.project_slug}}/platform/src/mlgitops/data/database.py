"""Reads the result of a query in parts: in Arrow where the database has a driver for it, else by SQLAlchemy."""

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..common.errors import ProjectError
from . import spool
from .database_url import ALIASES, DRIVERS, Driver, hide, secrets
from .reading import Reading, adding, require

PART = 50_000  # rows that are in memory at once


@dataclass(frozen=True)
class Address:
    """The database in DATABASE_URL: its kind, its URL as SQLAlchemy has parsed it, and as it was written."""

    kind: str
    url: Any
    written: str


def address(subject: str | Path) -> Address:
    """Return the address in DATABASE_URL, which *subject* needs; raises ProjectError."""
    import sqlalchemy

    written = os.environ.get("DATABASE_URL", "").strip()
    if not written:
        raise ProjectError(f"{subject}: set DATABASE_URL to the database, such as postgresql://user@host/name")
    try:
        url = sqlalchemy.make_url(written)
        kind = ALIASES.get(url.get_backend_name(), url.get_backend_name())
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise ProjectError(f"{subject}: DATABASE_URL is not an address such as postgresql://user@host/name") from None
    return Address(kind, url, written)


def query(source: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the result of the query in *source* on the database in DATABASE_URL; no error shows its secrets."""
    database = address(source)
    reading.format = "query"
    reading.details |= {"database": database.kind} | _place(database.url)
    with without_secrets(source, database, "the query"):
        yield from _result(database.kind, database.url, source.read_text(encoding="utf-8-sig").strip())


def _place(url: Any) -> dict[str, str | int]:
    """Return the server and the name of a database: never a login, nor the folder of a file."""
    server = f"{url.host}:{url.port}" if url.port else url.host
    named = {"server": server, "name": Path(url.database).name if url.database else None}
    return {key: str(value) for key, value in named.items() if value}


def _result(kind: str, url: Any, text: str) -> Iterator[pa.RecordBatch]:
    driver = DRIVERS.get(kind, Driver(""))
    chosen = "+" in url.drivername  # the user named a driver of SQLAlchemy
    if kind == "duckdb":
        return _duckdb(url.database, text)
    if driver.adbc and not chosen and (not driver.module or is_installed(driver.adbc)):
        return _adbc(kind, driver, url, text)
    return _sqlalchemy(url if chosen or not driver.dialect else url.set(drivername=driver.dialect), kind, text)


def _duckdb(database: str | None, text: str) -> Iterator[pa.RecordBatch]:
    duckdb = require("duckdb", "duckdb", "a DuckDB database")
    with duckdb.connect(database or ":memory:", read_only=bool(database)) as connection:
        result = connection.sql(text)
        if result is None:
            raise ProjectError("the query returns no table")
        yield from result.to_arrow_reader(PART)


def _adbc(kind: str, driver: Driver, url: Any, text: str) -> Iterator[pa.RecordBatch]:
    connect = require(f"{driver.adbc}.dbapi", driver.extra, f"a database of {kind}").connect
    address = url.set(drivername=kind).render_as_string(hide_password=False)
    options = {"uri": address.removeprefix("snowflake://")}
    if kind == "bigquery":
        names = importlib.import_module(driver.adbc).DatabaseOptions
        parts = {names.PROJECT_ID.value: url.host, names.DATASET_ID.value: url.database}
        options = {"db_kwargs": {name: value for name, value in parts.items() if value}}
    with connect(**options) as connection, connection.cursor() as cursor:
        cursor.execute(text.rstrip("; \n"))
        yield from cursor.fetch_record_batch()


def _sqlalchemy(url: Any, kind: str, text: str) -> Iterator[pa.RecordBatch]:
    import sqlalchemy

    package = f"mlgitops[{DRIVERS[kind].extra}]" if kind in DRIVERS else f"SQLAlchemy's driver of {kind}"
    try:
        with adding(package, f"a database of {kind}"):
            engine = sqlalchemy.create_engine(url)
    except sqlalchemy.exc.NoSuchModuleError:
        raise ProjectError(
            f"no driver for {url.drivername}: databases are {', '.join(DRIVERS)}; for another, add the package of its "
            "SQLAlchemy dialect with `uv add --group pipeline`"
        ) from None
    # no parameters: neither : nor % in a query means one
    options = {"stream_results": True, "no_parameters": True, "max_row_buffer": PART}
    with engine.connect().execution_options(**options) as connection:
        result = connection.exec_driver_sql(text)
        if not result.returns_rows:
            raise ProjectError("the query returns no table")
        yield from spool.typed_parts(list(result.keys()), result.partitions(PART))


@contextmanager
def without_secrets(subject: str | Path, database: Address, action: str) -> Iterator[None]:
    """Convert every error of a driver to a ProjectError that names the database, and shows no secret of its URL."""
    try:
        yield
    except ProjectError as error:
        raise ProjectError(f"{subject}: {error.message}") from None
    except Exception as error:  # each driver has its own
        place = database.url.set(query={}).render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        message = hide(f"{action} on {place} failed: {reason}", secrets(database.url, database.written))
        raise ProjectError(f"{subject}: {message}") from None


def is_installed(module: str) -> bool:
    """Return whether a driver is installed."""
    return importlib.util.find_spec(module) is not None
