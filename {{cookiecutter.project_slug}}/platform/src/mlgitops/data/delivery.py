"""The commands append and replace: put the next delivery into the project's table, or show why not."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Ingest, Params
from . import row_changes, row_check, table_file
from .ingest import ingest
from .loaded import Loaded, load
from .options import reading_options, settings
from .reading import IngestReport
from .row_changes import RowChanges
from .tracked_file import own_source, replacing, track

SHOWN = 5  # refused rows that a message names


def accepted(new: Loaded, contract: Contract, data: str, skip: bool) -> Loaded:
    """Return the rows that keep the contract; raises ProjectError if others do not, unless they are to be skipped."""
    reasons = row_check.reasons(new.typed, contract)
    refused = [position for position, reason in enumerate(reasons) if reason]
    lines = [f"  row {position + 1}: {reasons[position]}" for position in refused[:SHOWN]]
    if not refused:
        return new
    message = "\n".join([f"{data}: {len(refused):,} of {len(reasons):,} rows break the contract:", *lines])
    if not skip:
        raise ProjectError(f"{message}\nnothing was changed: correct them, or leave them out with SKIP=yes")
    click.secho(f"{message}\n  they are left out", fg="yellow")
    return new.take(np.array([position for position, reason in enumerate(reasons) if not reason], dtype=int))


def changes_of(old: Loaded, new: Loaded, contract: Contract, data: str) -> RowChanges:
    """Compare a delivery with the table; raises ProjectError if it contradicts itself."""
    changes = row_changes.compare(old.typed, new.typed, contract)
    if len(changes.contradictory):
        key = row_changes.key_of(new.typed.iloc[changes.contradictory[0]], contract)
        raise ProjectError(
            f"{data}: {len(changes.contradictory):,} rows repeat the key of another row with other values, first "
            f"{key}: keep one row for each key; nothing was changed"
        )
    return changes


def merged(old: Loaded, new: Loaded, contract: Contract, changes: RowChanges, keep: bool) -> pa.Table:
    """Return the table after a delivery: the old rows too if *keep*, with the changed ones in their places."""
    addition = table_file.stored(new.delivered, new.typed, old.delivered.schema, contract)
    if not keep:
        return addition
    everything = pa.concat_tables([old.delivered, addition], promote_options="permissive")
    rows = np.arange(old.delivered.num_rows)
    rows[changes.replaced] = len(rows) + changes.changed
    return everything.take(np.concatenate([rows, old.delivered.num_rows + changes.added]))


def deliver(data: str, options: dict[str, Any], skip: bool, keep: bool) -> None:
    """Put the rows of *data* into the table of the project, all or none, and print what changed."""
    contract, params = Contract.load(Path("contract.yaml")), Params.load(Path("params.yaml"))
    source = own_source(params.ingest)
    if not data:
        raise ProjectError("name the table with the new rows: DATA=february.csv")
    old = load(source, params.ingest, contract)
    new = accepted(load(data, settings(data, options, params.ingest), contract), contract, data, skip)
    changes = changes_of(old, new, contract, data)
    gone = f", {len(changes.gone):,} gone" if not keep else ""
    click.echo(f"{data}: {changes.counts()}{gone}")
    for line in row_changes.examples(old.typed, new.typed, changes, contract):
        click.echo(f"  {line}")
    if not (len(changes.added) or len(changes.changed) or (len(changes.gone) and not keep)):
        click.echo(f"{source}: nothing changes")
        track(source)  # which a run that was killed may have left undone
        return
    table = merged(old, new, contract, changes, keep)
    target = _save(table, source, old.report, params.ingest)
    click.echo(f"{target}: {old.report.rows:,} rows became {table.num_rows:,}; commit this change, then: make pipeline")


def _save(table: pa.Table, source: Path, report: IngestReport, how: Ingest) -> Path:
    """Write the table in the place of *source*, or beside it if its format is only read; return the path."""
    target = table_file.path_of(source, report)
    with replacing(target) as new:
        table_file.write(table, new, source, report, how)
        check = new.with_name(f"{new.name}.check")
        try:
            written = ingest(new, check, how if target == source else None)
        finally:
            files.remove(check)
        if (written.rows, written.columns) != table.shape:
            raise ProjectError(
                f"{target}: {written.rows:,} of {table.num_rows:,} rows were written: nothing was changed"
            )
    if target != source:
        files.set_line(Path("params.yaml"), "source", target.as_posix())
        click.echo(f"{source} is in a format that is only read: params.yaml now names {target} as the source")
    return target


def command(name: str, keep: bool, help_text: str) -> click.Command:
    """Return the command append or replace."""

    @click.command(name, help=help_text)
    @click.argument("data", default="")
    @click.option(
        "--skip", type=click.Choice(["yes", "no"]), default="no", help="Leave out rows that break the contract."
    )
    @reading_options
    def main(data: str, skip: str, **options: Any) -> None:
        deliver(data, options, skip == "yes", keep)

    return main


main = click.Group(
    commands={
        "append": command(
            "append", True, "Add the rows of DATA to the table; a row with a known key replaces the old one."
        ),
        "replace": command("replace", False, "Put the rows of DATA in the place of the table."),
    }
)
