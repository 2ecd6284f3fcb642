"""Stage ingest: bring the raw table in, as it is."""

import importlib.util
import os
from pathlib import Path

import click
import pandas as pd

from . import files, table
from .config import ProjectError
from .settings import Params


def read_source(source: Path) -> pd.DataFrame:
    """Return the table behind *source*: a file, the rows of a .sql query, or what load() of a .py file returns.

    Raises ProjectError when the source is absent, is of another kind, or gives no row.
    """
    if not source.is_file():
        raise ProjectError(f"{source}: no such file: put the data there, or change ingest.source in params.yaml")
    readers = {".sql": _query, ".py": _loader}
    found = readers.get(source.suffix, table.read)(source)
    if found.empty:
        raise ProjectError(f"{source}: the table has no row")
    return found


def _query(source: Path) -> pd.DataFrame:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise ProjectError(f"{source}: set DATABASE_URL to the database (a SQLAlchemy URL) that the query runs against")
    import sqlalchemy

    try:
        with sqlalchemy.create_engine(url).connect() as connection:
            return pd.read_sql(sqlalchemy.text(source.read_text(encoding="utf-8")), connection)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise ProjectError(f"{source}: the database in DATABASE_URL did not answer: {error}") from error


def _loader(source: Path) -> pd.DataFrame:
    spec = importlib.util.spec_from_file_location(source.stem, source)
    if spec is None or spec.loader is None:
        raise ProjectError(f"{source}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "load"):
        raise ProjectError(f"{source}: has no function load() that returns the table")
    return pd.DataFrame(module.load())


@click.command()
@click.argument("raw", type=click.Path(path_type=Path))
def main(raw: Path) -> None:
    """Write the table that ingest.source in params.yaml names to RAW."""
    source = Path(Params.load(Path("params.yaml")).ingest.source)
    found = read_source(source)
    mixed = found.select_dtypes("object").columns
    found[mixed] = found[mixed].astype("string")  # a Parquet column has one type: a mixed one is kept as text
    with files.replacing(raw) as new:
        found.to_parquet(new, index=False)
    click.echo(f"{source}: {len(found):,} rows, {found.shape[1]} columns -> {raw}")


if __name__ == "__main__":
    main()
