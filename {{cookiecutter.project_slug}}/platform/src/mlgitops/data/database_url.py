"""The databases that a query may run against, and what in their addresses is a secret."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)  # names of URL parameters to hide


@dataclass(frozen=True)
class Driver:
    """How a kind of database is reached."""

    extra: str  # of the platform, which brings the driver
    adbc: str = ""  # module of its Arrow driver
    dialect: str = ""  # of SQLAlchemy, with the driver
    module: str = ""  # of that driver


DRIVERS = {
    "bigquery": Driver("bigquery", adbc="adbc_driver_bigquery"),
    "duckdb": Driver("duckdb", module="duckdb"),
    "mariadb": Driver("mysql", dialect="mariadb+pymysql", module="pymysql"),
    "mssql": Driver("sqlserver", dialect="mssql+pymssql", module="pymssql"),
    "mysql": Driver("mysql", dialect="mysql+pymysql", module="pymysql"),
    "postgresql": Driver("postgresql", "adbc_driver_postgresql", "postgresql+psycopg", "psycopg"),
    "snowflake": Driver("snowflake", adbc="adbc_driver_snowflake"),
    "sqlite": Driver("pipeline", dialect="sqlite+pysqlite", module="sqlite3"),
}
ALIASES = {"postgres": "postgresql", "sqlserver": "mssql", "bq": "bigquery"}


def secrets(url: Any, address: str) -> Iterable[str]:
    """Return all spellings of what must not be shown: longest first, as one may contain another."""
    values = [url.password or ""]
    for name, value in url.query.items():
        if SECRET.search(name):
            values += [value] if isinstance(value, str) else list(value)
    quoted = [quote(str(value), safe="") for value in values]
    spellings = {*map(str, values), *quoted} - {""}
    return sorted(spellings | ({address} if spellings else set()), key=len, reverse=True)


def hide(message: str, secrets: Iterable[str]) -> str:
    """Return *message* with each of the *secrets* replaced by stars."""
    for secret in secrets:
        message = message.replace(secret, "***")
    return message
