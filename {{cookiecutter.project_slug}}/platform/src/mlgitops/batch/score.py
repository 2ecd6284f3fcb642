"""Batch scoring of a table in chunks; predictions and errors equal those of the service."""

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
from ..data.arrow_types import to_frame
from ..data.ingest import parts
from ..model.scorer import Scorer
from ..serving.rows import CHUNK_ROWS, answer_columns, missing_columns, score

WRITERS = {".parquet": pq.ParquetWriter, ".csv": pa.csv.CSVWriter}


def run(source: Path, scored: Path, scorer: Scorer, version: str) -> tuple[int, list[str]]:
    """Write the table *source* with predictions to *scored*; return its number of rows, and the errors of invalid rows.

    Raises ProjectError, and writes nothing, if a column is missing or would be overwritten.
    """
    if scored.suffix not in WRITERS:
        raise ProjectError(f"{scored}: unknown file type: use the suffix {' or '.join(WRITERS)}")
    rows, refused, writer = 0, list[str](), None
    with files.replacing(scored) as new:
        try:
            for part in chunks(source, scorer.contract):
                if taken := [n for n in (*answer_columns(scorer.contract), "error", "model") if n in part.schema.names]:
                    raise ProjectError(
                        f"{source}: scoring would overwrite {', '.join(taken)}: rename or drop these columns"
                    )
                predictions = score(scorer, to_frame(part), rows).assign(model=version)
                scores = pa.Table.from_pandas(predictions, preserve_index=False)
                table = pa.Table.from_arrays(
                    [*part.columns, *scores.columns], names=[*part.schema.names, *scores.column_names]
                )
                writer = writer or WRITERS[scored.suffix](new, table.schema)
                writer.write(table.cast(writer.schema if scored.suffix == ".parquet" else table.schema))
                rows += len(predictions)
                refused += predictions["error"].dropna().tolist()
        finally:
            if writer:
                writer.close()
    return rows, refused


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
        rows, refused = run(source, scored, scorer, version)
    click.echo(f"{source}: {rows - len(refused):,} of {rows:,} rows scored by version {version} -> {scored}")
    if refused:
        examples = "\n  ".join(refused[:5])
        raise ProjectError(f"{len(refused):,} rows break the contract, see column `error` of {scored}:\n  {examples}")
