"""A session of Spark, and its tables: the only place where names of tables and columns meet its syntax."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import ProjectError
from ..data.reading import unique
from .spark_code import Function, Parts, code
from .spark_errors import message
from .targets import TABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def session(name: str = "score") -> "SparkSession":
    """Return the session of `spark-submit`, the one that SPARK_REMOTE names, or one on this machine."""
    try:
        from pyspark.sql import SparkSession
        from pyspark.sql.utils import is_remote
    except ModuleNotFoundError:
        raise ProjectError("Spark needs the package pyspark: install it with `uv sync --group spark`") from None
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # it prints what `errors` says in one line
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # of the workers on this machine
    spark = SparkSession.builder.appName(name).getOrCreate()
    if not is_remote():
        spark.sparkContext.setLogLevel("ERROR")
    return spark


def send_code(spark: "SparkSession") -> None:
    """Let the workers import this platform."""
    spark.addArtifacts(str(code()), pyfile=True)


def read(spark: "SparkSession", source: str) -> "DataFrame":
    """Return the table behind *source*: a folder of Parquet files, table:NAME, or a query in a .sql file.

    Its columns have the names that `ingest` gives them.
    """
    rows = _read(spark, source)
    return rows.toDF(*unique(rows.columns))


def _read(spark: "SparkSession", source: str) -> "DataFrame":
    if source.startswith(TABLE):
        return spark.table(table_name(source))
    if source.endswith(".sql"):
        return spark.sql(Path(source).read_text(encoding="utf-8"))
    if source.endswith((".csv", ".tsv", ".txt", ".json", ".xlsx", ".gz", ".zip")):
        raise ProjectError(f"{source}: Spark reads Parquet files, table:NAME or a query in a .sql file")
    return spark.read.parquet(source)


def table_name(place: str) -> str:
    """Return the name after table: with each of its parts quoted; one that has quotes already stays as it is."""
    name = place.removeprefix(TABLE)
    return name if "`" in name else ".".join(f"`{part}`" for part in name.split("."))


def mapped(rows: "DataFrame", function: Function, schema: "str | StructType") -> "DataFrame":
    """Return `rows.mapInArrow(function, schema)`, which takes a dot in the name of a column for its syntax."""
    names = rows.columns

    def renamed(parts: Parts) -> Parts:
        return function(part.rename_columns(names) for part in parts)

    return rows.toDF(*(f"c{position}" for position in range(len(names)))).mapInArrow(renamed, schema)


@contextmanager
def errors(action: str, consequence: str = "") -> Iterator[None]:
    """Convert the errors of Spark to a ProjectError with the line that says what is wrong."""
    try:
        yield
    except (ProjectError, OSError):
        raise
    except Exception as error:
        if text := message(error):
            raise ProjectError(f"{action}: {text}{consequence}") from error
        raise
