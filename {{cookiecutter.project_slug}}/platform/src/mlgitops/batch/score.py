"""Batch scoring: the model over a whole table, part by part, with the answers and the refusals of the service."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data.ingest import parts
from ..model.scorer import Scorer
from ..serving.rows import CHUNK_ROWS, answer_columns, missing_columns, score

WRITERS = {".parquet": pq.ParquetWriter, ".csv": pa.csv.CSVWriter}


def run(source: Path, scored: Path, scorer: Scorer, version: str) -> tuple[int, list[str]]:
    """Write the table behind *source* with its answers to *scored*; return its number of rows, and what was refused.

    Raises ProjectError, and writes nothing, where a column is missing or in the way.
    """
    if scored.suffix not in WRITERS:
        raise ProjectError(f"{scored}: a scored table is written as {' or '.join(WRITERS)}")
    rows, refused, writer = 0, list[str](), None
    with files.replacing(scored) as new:
        try:
            for part in delivered(source, scorer.contract):
                if taken := [n for n in (*answer_columns(scorer.contract), "error", "model") if n in part.schema.names]:
                    raise ProjectError(
                        f"{source}: has {', '.join(taken)} already: rename or drop what an answer would overwrite"
                    )
                answers = score(scorer, part.to_pandas(), rows).assign(model=version)
                made = pa.Table.from_pandas(answers, preserve_index=False)
                whole = pa.Table.from_arrays(
                    [*part.columns, *made.columns], names=[*part.schema.names, *made.column_names]
                )
                writer = writer or WRITERS[scored.suffix](new, whole.schema)
                writer.write(whole.cast(writer.schema if scored.suffix == ".parquet" else whole.schema))
                rows += len(answers)
                refused += answers["error"].dropna().tolist()
        finally:
            if writer:
                writer.close()
    return rows, refused


def delivered(source: Path, contract: Contract) -> Iterator[pa.RecordBatch]:
    """Yield the table behind *source* in chunks of CHUNK_ROWS rows; raises ProjectError if it lacks a column."""
    rows = 0
    for part in parts(source):
        if absent := missing_columns(contract, part.schema.names):
            raise ProjectError(f"{source}: lacks {', '.join(absent)}, which the model reads")
        yield from (part.slice(start, CHUNK_ROWS) for start in range(0, part.num_rows, CHUNK_ROWS))
        rows += part.num_rows
    if not rows:
        raise ProjectError(f"{source}: the table has no row")


@contextmanager
def loaded(which: str) -> Iterator[tuple[Scorer, str]]:
    """Give the model in a folder, or the version of the registry with a number or alias, and what to call it."""
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
@click.option("--model", default="champion", show_default=True, help="A version or alias of the registry, or a folder.")
def main(source: Path, scored: Path, model: str) -> None:
    """Score the table SOURCE (or a .sql query), and write it with the answers to SCORED.

    A row that breaks the contract has no answer, but the reason; with such rows, the exit code is 1.
    """
    with loaded(model) as (scorer, version):
        rows, refused = run(source, scored, scorer, version)
    click.echo(f"{source}: {rows - len(refused):,} of {rows:,} rows scored by version {version} -> {scored}")
    if refused:
        shown = "\n  ".join(refused[:5])
        raise ProjectError(f"{len(refused):,} rows break the contract: column error of {scored} says why:\n  {shown}")
