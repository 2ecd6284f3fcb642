"""Collects the closed files of the prediction log into the project's storage."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..model.scorer import digest
from ..serving.log_file import CLOSED, close_abandoned
from .log_reader import LogTable, read
from .place import Place, oldest


@dataclass(frozen=True)
class Collected:
    """What was collected."""

    files: int
    rows: int
    skipped: int  # lines that were half-written, or of an unknown model


def collect(
    folder: Path, place: Place, keep: bool = False, answered: Callable[[pa.Table], None] | None = None
) -> Collected:
    """Write the closed files in *folder* to *place*, and remove them unless *keep*; raises ProjectError.

    A file is written under the digest of its content: collecting it twice changes nothing. *answered* gets each table
    before.
    """
    if not folder.is_dir():
        raise ProjectError(f"{folder}: no such folder: name the one that SCORING_LOG names, where the service runs")
    close_abandoned(folder)
    paths = sorted(folder.glob("*" + CLOSED))
    rows = skipped = 0
    for path in paths:
        name = digest(path)[:32]
        tables, broken = _by_partition(path)
        for (day, version, number), parts in tables.items():
            table = pa.concat_tables(parts)
            if answered:
                answered(table)
            place.write(day, version, f"{name}-{number}", table)
            rows += table.num_rows
        skipped += broken
        if tables and not keep:  # a file without a readable line may be of another program
            path.unlink()
    return Collected(len(paths), rows, skipped)


def _by_partition(path: Path) -> tuple[dict[tuple[str, str, int], list[pa.Table]], int]:
    """Return the tables of a file by day, version and first line, and the number of skipped lines."""
    tables: dict[tuple[str, str, int], list[pa.Table]] = {}
    headers: list[str] = []
    skipped = 0
    for part in read(path):
        if isinstance(part, LogTable):
            facts = part.header.model_dump_json()
            if facts not in headers:
                headers.append(facts)
            tables.setdefault((part.day, part.header.version, headers.index(facts)), []).append(part.rows)
        else:
            skipped += part
    return tables, skipped


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", default=None, help="Folder or bucket; by default monitor.predictions in params.yaml.")
@click.option("--keep", is_flag=True, help="Keep the files of the log.")
@click.option("--table", help="Also table:NAME, a table for predictions in the database of DATABASE_URL.")
def main(folder: Path, to: str | None, keep: bool, table: str | None) -> None:
    """Move the closed files of the prediction log in FOLDER to the storage, and remove predictions that are too old."""
    settings = Params.load(Path("params.yaml")).monitor
    place = Place(to or settings.predictions)
    if table:
        from .logged_answers import opened  # a database

        with opened(table, Contract.load(Path("contract.yaml"))) as answers:
            result = collect(folder, place, keep, answers.write)
        message = f"{folder}: {answers.rows:,} answers -> {table}"
        click.echo(f"{message}; {answers.without_key:,} without a key" if answers.without_key else message)
    else:
        result = collect(folder, place, keep)
    message = f"{folder}: {result.rows:,} rows of {result.files:,} files -> {place.address}"
    if result.skipped:
        message += f"; {result.skipped:,} lines skipped: half-written, or without the line that names the model"
    click.echo(message)
    if settings.keep_days:
        removed = place.remove_before(oldest(datetime.now(UTC).date(), settings.keep_days))
        if removed:
            click.echo(f"{removed:,} days older than {settings.keep_days} days removed (monitor.keep_days)")
