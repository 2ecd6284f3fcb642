"""Stage ingest: bring the raw table in, as it is."""

import os
import runpy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..common import files
from ..common.errors import ProjectError
from ..common.project import user_code
from ..contract.params import Params
from .readers import batches, unique

PART = 100_000  # rows of a query's answer that are in memory at once


def ingest(source: Path, raw: Path) -> tuple[int, int]:
    """Write the table behind *source* to the Parquet file *raw*; return its numbers of rows and columns.

    The source is a table, a .sql query, or a .py file whose load() returns a frame. Raises ProjectError when it is
    absent, is of another kind, or gives no row.
    """
    if not source.is_file():
        raise ProjectError(f"{source}: no such file: put the data there, or change ingest.source in params.yaml")
    found = parts(source)
    first = next(found, None)
    if first is None or not first.num_columns:
        raise ProjectError(f"{source}: the table has no row")
    rows = 0
    with files.replacing(raw) as new, pq.ParquetWriter(new, first.schema) as writer:
        for part in chain([first], found):
            writer.write(pa.Table.from_batches([part]).cast(writer.schema))
            rows += part.num_rows
        if not rows:
            raise ProjectError(f"{source}: the table has no row")
    return rows, len(writer.schema)


def parts(source: Path) -> Iterator[pa.RecordBatch]:
    """Yield the table behind a file, whatever its kind, part by part."""
    return {".sql": _query, ".py": _loader}.get(source.suffix, batches)(source)


def _query(source: Path) -> Iterator[pa.RecordBatch]:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise ProjectError(f"{source}: set DATABASE_URL to the database (a SQLAlchemy URL) that the query runs against")
    import sqlalchemy

    try:
        with sqlalchemy.create_engine(url).connect().execution_options(stream_results=True) as connection:
            query = sqlalchemy.text(source.read_text(encoding="utf-8"))
            schema = None
            for part in pd.read_sql(query, connection, chunksize=PART):
                part.columns = unique(part.columns)
                table = pa.Table.from_pandas(_one_type_each(part), schema=schema, preserve_index=False)
                schema = schema or table.schema
                yield from table.to_batches()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        said = str(error).replace(url, "...")  # it may hold a password
        raise ProjectError(f"{source}: the database in DATABASE_URL did not answer: {said}") from None


def _loader(source: Path) -> Iterator[pa.RecordBatch]:
    """Yield what load() of a Python file returns; raises ProjectError naming file, line and function."""
    with user_code(source):
        load = runpy.run_path(str(source)).get("load")
    if not callable(load):
        raise ProjectError(f"{source}: has no function load() that returns the table")
    with user_code(source, "load()"):
        table = load()
    if not isinstance(table, pd.DataFrame):
        raise ProjectError(f"{source}: load() returned {type(table).__name__}: return a pandas DataFrame")
    table = table.set_axis(unique([str(name) for name in table.columns]), axis="columns")
    yield from pa.Table.from_pandas(_one_type_each(table), preserve_index=False).to_batches()


def _one_type_each(part: pd.DataFrame) -> pd.DataFrame:
    """Return *part* with object columns as text: a Parquet column has one type, and a mixed one is kept as text."""
    return part.astype(dict.fromkeys(part.select_dtypes("object").columns, "string"))


@click.command()
@click.argument("raw", type=click.Path(path_type=Path))
def main(raw: Path) -> None:
    """Write the table that ingest.source in params.yaml names to RAW."""
    source = Path(Params.load(Path("params.yaml")).ingest.source)
    rows, columns = ingest(source, raw)
    click.echo(f"{source}: {rows:,} rows, {columns} columns -> {raw}")
