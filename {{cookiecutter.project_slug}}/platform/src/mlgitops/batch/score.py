"""Batch scoring of a table into files or a database; predictions and errors equal those of the service."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
import pyarrow as pa

from ..common.errors import ProjectError
from ..data import address
from ..model.scorer import Scorer
from .answers import Count, answers
from .parts import chunks
from .stamp import Stamp, added
from .targets import TABLE, target

WRITTEN_ROWS = 1 << 17  # rows that are written at once


def run(source: str | Path, scored: str | Path, scorer: Scorer, stamp: Stamp, reasons: int = 0) -> Count:
    """Write the table *source* with predictions to *scored*; return the number of its rows and of its invalid rows.

    Each prediction comes with its strongest *reasons*.
    A source without rows gives a table without rows. A run that has ended in a folder does nothing. Raises
    ProjectError, and writes nothing, if a column is missing or would be overwritten.
    """
    place, count = target(str(scored), stamp.run), Count()
    if before := place.before():
        return before
    answered = answers(chunks(source, scorer.contract), scorer, stamp, str(source), reasons)
    first = next(answered, (pa.RecordBatch.from_pylist([], added(scorer.contract, stamp, reasons)), {}))
    with place.writing(first[0].schema) as write:
        waiting = list[pa.RecordBatch]()
        for part, refused in chain([first], answered):
            count.add(part.num_rows, refused)
            waiting.append(part)
            if sum(part.num_rows for part in waiting) >= WRITTEN_ROWS:
                write(_joined(waiting, first[0].schema))
                waiting = []
        if waiting:
            write(_joined(waiting, first[0].schema))
    return count


def _joined(parts: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([pa.Table.from_batches([part]).cast(schema) for part in parts])


@contextmanager
def load(which: str) -> Iterator[tuple[Scorer, str]]:
    """Yield the model in a folder, or of a version by number or alias, and its name: digest or number."""
    if Path(which).is_dir():
        scorer = Scorer(Path(which))
        yield scorer, str(scorer.manifest["files"]["model.onnx"])[:12]
        return
    from ..registry import command as registry  # MLflow takes seconds to import

    with tempfile.TemporaryDirectory() as scratch:
        version = registry.number(which)
        registry.fetch(version, Path(scratch) / "model")
        yield Scorer(Path(scratch) / "model"), version


@click.command()
@click.argument("source")
@click.argument("scored")
@click.option("--model", default="champion", show_default=True, help="Version number or alias, or a folder.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True)
@click.option("--run", "name", help="Name of the run; in a database, the same name resumes a run that was stopped.")
@click.option(
    "--reasons",
    type=click.IntRange(min=0),
    default=0,
    help="Number of reasons for each prediction: the columns that contribute most to it, and how much.",
)
def main(source: str, scored: str, model: str, engine: str, name: str | None, reasons: int) -> None:
    """Score the table SOURCE and write it with the predictions to SCORED.

    SOURCE is a file, a folder of Parquet files, an address such as s3://bucket/rows.parquet, or a .sql query; SCORED is
    a file or a folder, on this machine or at an address, or table:NAME, a table for predictions in the database of
    DATABASE_URL. A row that breaks the contract gets an error message instead of a prediction; the exit code is then 1.

    In a folder, each run is a folder of its own. With --engine spark, both are such a folder or table:NAME in the
    catalog of Spark, and SOURCE may be a .sql query.
    """
    local = engine == "local" or source.endswith(".sql")
    if not source:
        raise ProjectError("DATA is empty: name the table to score")
    if local and not address.is_address(source) and not Path(source).exists():
        raise ProjectError(f"{source}: no such file or folder: put the rows there, or correct DATA")
    if reasons and (engine == "spark" or scored.startswith(TABLE)):
        raise ProjectError(
            f"{scored}: reasons are written to files by the local engine only: name a file, or leave REASONS out"
        )
    with load(model) as (scorer, version), address.hidden_login(source):
        stamp = Stamp.now(version, name)
        result = _by(engine, source, scored, scorer, stamp, reasons)
    done = f"{result.rows - result.refused:,} of {result.rows:,} rows"
    click.echo(f"{address.shown(source)}: {done} scored by version {version} -> {scored}, run {stamp.run}")
    if result.refused:
        examples = "".join(f"\n  {example}" for example in result.examples)
        raise ProjectError(f"{result.refused:,} rows break the contract, see column `error` of {scored}:{examples}")


def _by(engine: str, source: str, scored: str, scorer: Scorer, stamp: Stamp, reasons: int) -> Count:
    if engine == "spark":
        from . import spark

        return spark.run(source, scored, scorer, stamp)
    if scored.startswith(TABLE):
        from . import to_database

        return to_database.run(source, scored.removeprefix(TABLE), scorer, stamp)
    return run(source, scored, scorer, stamp, reasons)
