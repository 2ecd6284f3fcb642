"""The command: infers, chooses, then writes everything or nothing."""

import csv
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..common import files, project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..data.ingest import ingest
from ..data.readers import plain
from . import project_files
from .choose import choose, sample, time_parts
from .draft import Draft, Wishes, draft
from .source import bring, named, place

DEMO = ("data/README.md",)
TASKS = ["binary", "multiclass", "regression"]


def adopt(here: Path, source: Path, wishes: Wishes) -> tuple[Contract, Draft, dict[str, str]]:
    """Return the contract of the table in *here*, remarks, and the text of each file that is to change.

    Changes nothing. *source* is where the table will be in the project.
    """
    params = Params.load(Path("params.yaml"))
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary) / "raw.parquet"
        count, width = ingest(here, raw)
        click.echo(f"{here.name}: {count:,} rows, {width} columns")
        drafted, contract, rows = _splittable(raw, source, wishes, params.split.test)
        if seen := time_parts(contract, params, rows):
            drafted.contract["columns"][contract.time]["parts"] = seen
            contract = _declared(drafted, source)
        chosen, score = choose(contract, params, rows, min(1, len(rows) / (count * (1 - params.split.test))))
    if score > 0.999:
        drafted.unsure.append(f"almost perfect ({score:.4f}): do some columns together give {contract.target} away?")
    rate = float(frame.target(rows, contract).mean()) if contract.task == "binary" else 0.5
    read = {name: Path(name).read_text(encoding="utf-8") for name in ("params.yaml", "dvc.yaml", "pyproject.toml")}
    changed = {
        "contract.yaml": project_files.contract(drafted.contract, source),
        "params.yaml": project_files.settings(read["params.yaml"], source, contract, chosen, score, rate),
        "dvc.yaml": project_files.pipeline(read["dvc.yaml"], contract),
        "pyproject.toml": project_files.environment(read["pyproject.toml"]),
        project.file(project.DATASET).as_posix(): project_files.DATASET,
        project.file(project.FEATURES).as_posix(): project_files.FEATURES,
    }
    Params.parse(changed["params.yaml"], "params.yaml")
    return contract, drafted, changed


def _declared(drafted: Draft, source: Path) -> Contract:
    return Contract.parse(project_files.contract(drafted.contract, source), "contract.yaml")


def _splittable(raw: Path, source: Path, wishes: Wishes, share: float) -> tuple[Draft, Contract, pd.DataFrame]:
    """Return the draft, its contract and rows to try settings on, none of which is a test row.

    A time that was only inferred is not taken where it hinders the split.
    """
    drafted = draft(raw, wishes)
    contract = _declared(drafted, source)
    try:
        return drafted, contract, sample(raw, contract, share)
    except ProjectError as error:
        if wishes.time or not contract.time:
            raise
        drafted.contract.pop("time")
        drafted.unsure.append(f"{contract.time} is not taken as the time of a row: {error.message}")
    contract = _declared(drafted, source)
    return drafted, contract, sample(raw, contract, share)


def write(here: Path, source: Path, changed: dict[str, str]) -> None:
    """Put the table and the files in their places."""
    place(here, source)
    for name, content in changed.items():
        files.write(Path(name), content)
    for name in DEMO:
        files.remove(Path(name))


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Read names of columns, separated by commas; one with a comma is in quotes."""
    return tuple(map(plain, next(csv.reader([value], skipinitialspace=True)))) if value else ()


def _name(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Read the name of a column as it stands in the table once that is read."""
    return value and plain(value)


@click.command()
@click.argument("data", default="")
@click.option("--target", default="", callback=_name, help="The column to predict.")
@click.option("--task", type=click.Choice(TASKS), help="What kind of prediction it is.")
@click.option("--key", callback=_names, help="The columns that identify a row, separated by commas.")
@click.option("--time", callback=_name, help="The column that says when a row happened; 'none' for none.")
@click.option("--ignore", callback=_names, help="The columns that the model must not see, separated by commas.")
@click.option("--query", help="The query, where DATA is a database; without DATA the one in DATABASE_URL.")
def main(data: str, target: str, query: str | None, **wishes: Any) -> None:
    """Replace the demo by the table in DATA: a file, an address (http), or a database (a SQLAlchemy URL).

    Infers contract.yaml, chooses settings, puts the data under DVC, and says what it decided.
    """
    with tempfile.TemporaryDirectory() as temporary:
        here = bring(data, query, Path(temporary))
        if not target:
            raise ProjectError("which column is to be predicted? add TARGET=column")
        source = Path("data") / named(here)
        if source.name != here.name:
            link = Path(temporary) / source.name
            try:
                link.symlink_to(here.resolve())
            except OSError:  # Windows lets few users make links
                shutil.copyfile(here, link)
            here = link
        try:
            contract, drafted, changed = adopt(here, source, Wishes(target, **wishes))
        except ProjectError as error:  # by the name that the user knows
            raise ProjectError(error.message.replace(str(here), data or source.name)) from error
        write(here, source, changed)
    _tell(contract, drafted, source)


def _tell(contract: Contract, drafted: Draft, source: Path) -> None:
    """Print what was decided, and what is not sure."""
    click.echo(f"\n{contract.task}: predicts {contract.target} from {len(contract.inputs)} columns")
    if contract.classes:
        positive = f" (positive: {contract.classes[-1]})" if len(contract.classes) == 2 else ""
        click.echo(f"  classes: {', '.join(contract.classes)}{positive}")
    for name, column in contract.columns.items():
        if column.ignore:
            click.echo(f"  left out: {name}: {column.ignore}")
    click.echo(f"  key: {', '.join(contract.key) or 'none: the content of a row decides its side of the split'}")
    click.echo(f"  time: {contract.time or 'none'}")
    for remark in drafted.unsure:
        click.secho(f"  please check: {remark}", fg="yellow")
    tracked = source if source.suffix == ".sql" else f"{source}.dvc"
    click.echo(f"\nRead contract.yaml, commit it with {tracked}, params.yaml and dvc.yaml, then: make all")
