"""Batch scoring of a table in chunks, on all cores; predictions and errors equal those of the service."""

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data.ingest import parts
from ..data.parquet import parquet_writer
from ..model.scorer import Scorer
from ..serving.rows import CHUNK_ROWS, missing_columns
from .by_column import Answers, TableScorer, fields

Item = TypeVar("Item")
Result = TypeVar("Result")
WRITERS: dict[str, Callable[[Path, pa.Schema], pq.ParquetWriter | pa.csv.CSVWriter]] = {
    ".parquet": parquet_writer,
    ".csv": pa.csv.CSVWriter,
}
WRITTEN_ROWS = 1 << 17  # rows that are written at once
EXAMPLES = 5  # errors that are printed


@dataclass(frozen=True)
class Scored:
    """How many rows were scored and refused, and the first reasons."""

    rows: int
    refused: int
    examples: tuple[str, ...]


def run(source: Path, scored: Path, scorer: Scorer, version: str) -> Scored:
    """Write the table *source* with predictions to *scored*; return its number of rows, and the errors of invalid rows.

    Raises ProjectError, and writes nothing, if a column is missing or would be overwritten.
    """
    if scored.suffix not in WRITERS:
        raise ProjectError(f"{scored}: unknown file type: use the suffix {' or '.join(WRITERS)}")
    rows, refused, examples = 0, 0, list[str]()
    with files.replacing(scored) as new:
        answered = answers(chunks(source, scorer.contract), scorer, version, str(source))
        first = next(answered)
        with WRITERS[scored.suffix](new, first[0].schema) as writer:
            waiting = list[pa.RecordBatch]()
            for part, reasons in chain([first], answered):
                examples += [f"row {rows + p}, {reason}" for p, reason in reasons.items()][: EXAMPLES - len(examples)]
                rows, refused = rows + part.num_rows, refused + len(reasons)
                waiting.append(part)
                if sum(part.num_rows for part in waiting) >= WRITTEN_ROWS:
                    writer.write(_joined(waiting, first[0].schema))
                    waiting = []
            if waiting:
                writer.write(_joined(waiting, first[0].schema))
    return Scored(rows, refused, tuple(examples))


def _joined(parts: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([pa.Table.from_batches([part]).cast(schema) for part in parts])


def answers(
    parts: Iterable[pa.RecordBatch], scorer: Scorer, version: str, source: str
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Yield each part with its predictions, and the reason for each refused position; raises ProjectError."""
    table, names = TableScorer(scorer), {"model", *(field.name for field in fields(scorer.contract))}

    def answered(part: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, str]]:
        if taken := [name for name in part.schema.names if name in names]:
            raise ProjectError(f"{source}: scoring would overwrite {', '.join(taken)}: rename or drop these columns")
        return _with_answers(part, table.score(part), version)

    yield from in_order(answered, parts)


def _with_answers(part: pa.RecordBatch, scored: Answers, version: str) -> tuple[pa.RecordBatch, dict[int, str]]:
    columns = [*part.columns, *scored.columns.columns, pa.repeat(pa.scalar(version, pa.string()), part.num_rows)]
    schema = pa.schema([*part.schema, *scored.columns.schema, pa.field("model", pa.string())])
    return pa.RecordBatch.from_arrays(columns, schema=schema), scored.refused


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield *function* of each item, computed by a thread per core; few items are in memory at once."""
    with ThreadPoolExecutor(cores()) as threads:
        running = deque[Future[Result]]()
        try:
            for item in items:
                running.append(threads.submit(function, item))
                if len(running) > 2 * cores():
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def chunks(source: Path, contract: Contract) -> Iterator[pa.RecordBatch]:
    """Yield the table *source* in chunks of at most CHUNK_ROWS rows; raises ProjectError if a column is missing."""
    rows = 0
    for part in parts(source):
        if missing := missing_columns(contract, part.schema.names):
            raise ProjectError(f"{source}: missing columns that the model needs: {', '.join(missing)}")
        yield from (part.slice(start, CHUNK_ROWS) for start in range(0, part.num_rows, CHUNK_ROWS))
        rows += part.num_rows
    if not rows:
        raise ProjectError(f"{source}: the table has no rows")


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
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("scored", type=click.Path(path_type=Path))
@click.option("--model", default="champion", show_default=True, help="Version number or alias, or a folder.")
def main(source: Path, scored: Path, model: str) -> None:
    """Score the table SOURCE (or the result of a .sql query) and write it with the predictions to SCORED.

    A row that breaks the contract gets an error message instead of a prediction; the exit code is then 1.
    """
    with load(model) as (scorer, version):
        result = run(source, scored, scorer, version)
    done = result.rows - result.refused
    click.echo(f"{source}: {done:,} of {result.rows:,} rows scored by version {version} -> {scored}")
    if result.refused:
        examples = "\n  ".join(result.examples)
        raise ProjectError(f"{result.refused:,} rows break the contract, see column `error` of {scored}:\n  {examples}")
