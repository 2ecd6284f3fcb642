"""The result of a query is read with one type per column; a missing driver is named, and a password never."""

import sqlite3
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy

from mlgitops.common.errors import ProjectError
from mlgitops.data import database, database_url, spool
from mlgitops.data.ingest import ingest


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(query: str, url: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the rows that the stage ingest writes for a query."""
    Path("query.sql").write_text(query, encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL", url)
    report = ingest(Path("query.sql"), Path("raw.parquet"))
    assert report.format == "query"
    kind, _, place = url.partition("://")
    named = Path(place.partition("?")[0]).name
    assert report.details == {"database": kind} | ({"name": named} if named else {})
    return list(pq.read_table("raw.parquet").to_pylist())


@pytest.mark.usefixtures("here")
def test_a_query_on_sqlite_means_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect("shop.db") as base:
        base.execute("create table sales (id integer, item text, price real)")
        base.executemany("insert into sales values (?, ?, ?)", [(1, "50% :x", 2.5), (2, "b", None), (3, None, 4)])
    query = "select id, item, price from sales where item is null or item like '5%% :x' or item like '50%';\n"
    assert answer(query, "sqlite:///shop.db", monkeypatch) == [
        {"id": 1, "item": "50% :x", "price": 2.5},
        {"id": 3, "item": None, "price": 4.0},
    ]
    with pytest.raises(ProjectError, match=r"query\.sql: the query on sqlite:///shop\.db failed: no such table: sold"):
        answer("select * from sold", "sqlite:///shop.db", monkeypatch)
    with pytest.raises(ProjectError, match=r"query\.sql: the query returns no table"):
        answer("create table other (a)", "sqlite:///shop.db", monkeypatch)
    with pytest.raises(ProjectError, match=r"query\.sql: the table has no row"):
        answer("select * from sales where id > 9", "sqlite:///shop.db", monkeypatch)


@pytest.mark.usefixtures("here")
def test_a_query_on_duckdb_is_read_in_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    with duckdb.connect("shop.duckdb") as base:
        base.sql("create table sales as select range id, 'x' || range item, range / 2 half from range(3)")
    rows = answer(
        "select *, 'a'::enum('a', 'b') kind from sales order by id desc;", "duckdb:///shop.duckdb", monkeypatch
    )
    assert rows[0] == {"id": 2, "item": "x2", "half": 1.0, "kind": "a"}
    with pytest.raises(ProjectError, match=r"query\.sql: the query on duckdb:///shop\.duckdb failed: Catalog Error"):
        answer("select * from sold", "duckdb:///shop.duckdb", monkeypatch)
    with pytest.raises(ProjectError, match=r"failed: .*read-only"):
        answer("create table other as select 1", "duckdb:///shop.duckdb", monkeypatch)


LOGIN = "u:hunter2"
DRIVERS = {  # address -> the module that is not there, and the package that brings it
    f"postgresql://{LOGIN}@h/b": (("psycopg", "adbc_driver_postgresql"), "mlgitops[postgresql]"),
    f"mysql://{LOGIN}@h/b": (("pymysql",), "mlgitops[mysql]"),
    f"mariadb://{LOGIN}@h/b": (("pymysql",), "mlgitops[mysql]"),
    f"mssql://{LOGIN}@h/b": (("pymssql",), "mlgitops[sqlserver]"),
    f"snowflake://{LOGIN}@account/b/s?warehouse=w": (("adbc_driver_snowflake",), "mlgitops[snowflake]"),
    "bigquery://project/dataset": (("adbc_driver_bigquery",), "mlgitops[bigquery]"),
    "duckdb:///shop.duckdb": (("duckdb",), "mlgitops[duckdb]"),
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("url", DRIVERS)
def test_a_missing_driver_is_named_with_the_command_that_adds_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    modules, package = DRIVERS[url]
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, f"{module}.dbapi", None)
    monkeypatch.setattr(database, "is_installed", lambda module: False)
    with pytest.raises(ProjectError) as refused:
        answer("select 1", url, monkeypatch)
    assert f'needs a package that is not installed: uv add --group pipeline "{package}"' in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "query.sql: set DATABASE_URL to the database, such as postgresql://user@host/name"),
        ("hunter2", "query.sql: DATABASE_URL is not an address such as postgresql://"),
        (f"oracle+nothing://{LOGIN}@h/b", "query.sql: no driver for oracle+nothing: databases are bigquery, duckdb"),
        (
            "sqlite+pysqlite:////nowhere/hunter2?uri=true&password=hunter2",
            "query.sql: the query on sqlite+pysqlite:////nowhere/*** failed: ",
        ),
        (
            f"postgresql+psycopg://{LOGIN}@127.0.0.1:1/b?application_name=x",
            "query.sql: the query on postgresql+psycopg://u:***@127.0.0.1:1/b failed: connection failed",
        ),
        (f"postgresql://{LOGIN}@127.0.0.1:1/b", "query.sql: the query on postgresql://u:***@127.0.0.1:1/b failed: IO"),
        ("mysql://u:h%20unter2@127.0.0.1:1/b?ssl_key=hunter2", "query.sql: "),  # pragma: allowlist secret
    ],
)
def test_what_fails_is_told_without_secrets(url: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProjectError) as refused:
        answer("select 1", url, monkeypatch)
    assert refused.value.message.startswith(message), refused.value.message
    assert "hunter2" not in refused.value.message
    assert "h unter2" not in refused.value.message
    assert refused.value.__cause__ is None


def test_every_spelling_of_a_secret_is_hidden() -> None:
    url = sqlalchemy.make_url("postgresql://u:p%40ss%2Fword@h/b?sslpassword=other&user=u")
    address = "postgresql://u:p%40ss%2Fword@h/b?sslpassword=other&user=u"  # pragma: allowlist secret
    message = f"p@ss/word p%40ss%2Fword other u {address}"
    hidden = database_url.hide(message, database_url.secrets(url, url.render_as_string(hide_password=False)))
    assert hidden == "*** *** *** u ***"


def test_a_later_part_may_need_a_wider_type() -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    parts = [
        [(None, 1, 1, date(2020, 1, 1), Decimal("1.50"), moment)],
        [("x", 2.5, "y", datetime(2020, 1, 1, 5), Decimal("NaN"), None)],
        [(None, None, True, None, Decimal(10**18), moment + timedelta(hours=1))],
    ]
    batches = list(spool.typed_parts(["a", "b", "c", "d", "e", "e"], parts))
    assert pa.Table.from_batches(batches).to_pydict() == {
        "a": [None, "x", None],
        "b": [1.0, 2.5, None],
        "c": ["1", "y", "true"],
        "d": [datetime(2020, 1, 1), datetime(2020, 1, 1, 5), None],
        "e": ["1.50", None, str(10**18)],
        "e.6": [moment, None, moment + timedelta(hours=1)],
    }
    (other,) = spool.typed_parts(["a", "b"], [[(UUID(int=1), memoryview(b"x"))]])
    assert other.to_pylist() == [{"a": str(UUID(int=1)), "b": b"x"}]
    (empty,) = spool.typed_parts(["a"], [])
    assert (empty.num_rows, empty.schema.names) == (0, ["a"])
