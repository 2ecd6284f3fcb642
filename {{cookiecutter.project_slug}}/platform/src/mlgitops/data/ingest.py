"""Stage ingest: bring the raw table in, as it is."""

import runpy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import pandas as pd
import pyarrow as pa

from ..common import files
from ..common.errors import ProjectError
from ..common.project import user_code
from ..contract.params import Ingest, Params
from . import address, database, lakehouse, tables
from .arrow_types import storable
from .parquet import parquet_writer
from .reading import IngestReport, Reading, unique


def ingest(source: str | Path, raw: Path, settings: Ingest | None = None) -> IngestReport:
    """Write the table behind *source* to the Parquet file *raw*; return what was read.

    *settings* say how to read it where the guess is wrong. Raises ProjectError when the source is absent, is of an
    unknown kind, or gives no row.
    """
    reading = Reading()
    incoming = parts(source, settings, reading)
    first = next(incoming, None)
    if first is None or not first.num_columns:
        raise ProjectError(f"{source}: the table has no row")
    rows = 0
    with files.replacing(raw) as new, parquet_writer(new, first.schema) as writer:
        for part in chain([first], incoming):
            writer.write(pa.Table.from_batches([part]).cast(writer.schema))
            rows += part.num_rows
        if not rows:
            raise ProjectError(f"{source}: the table has no row")
    columns = len(first.schema)
    return IngestReport(str(source), reading.format, rows, columns, reading.details, tuple(reading.remarks))


def parts(
    source: str | Path, settings: Ingest | None = None, reading: Reading | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the table behind a source, whatever its kind, part by part; *reading* collects what is noticed."""
    settings, reading, path = settings or Ingest(source=str(source)), reading or Reading(), Path(source)
    if isinstance(source, str) and address.is_address(source):
        return _fetched(source, settings, reading)
    if not path.exists():
        raise ProjectError(f"{source}: no such file: put the data there, or change ingest.source in params.yaml")
    if path.suffix == ".py":
        reading.format = "load()"
        return _loader(path)
    if path.suffix == ".sql":
        return storable(database.query(path, reading), reading)
    if path.suffix in (".delta", ".iceberg") and path.is_file():
        return storable(lakehouse.referenced(path, reading), reading)
    return tables.batches(path, settings, reading)


def _fetched(source: str, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    with address.fetched(source) as copy:
        yield from tables.batches(copy, settings, reading)


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
@click.argument("report", type=click.Path(path_type=Path), required=False)
def main(raw: Path, report: Path | None) -> None:
    """Write the table that ingest.source in params.yaml names to RAW, and what was read to REPORT."""
    settings = Params.load(Path("params.yaml")).ingest
    read = ingest(settings.source, raw, settings)
    if report:
        read.save(report)
    click.echo(f"{read.describe()} -> {raw}")
    for remark in read.remarks:
        click.secho(f"  please check: {remark}", fg="yellow")
