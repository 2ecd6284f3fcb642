"""The command adopt: infers the contract, chooses settings, then writes all files or none."""

import csv
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..common import files, project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Ingest, Params
from ..data.ingest import ingest
from ..data.options import reading_options, settings
from ..data.reading import plain
from ..model.leaks import leaks
from . import project_files
from .choose import choose, time_parts
from .decisions import aim_of, decisions, leak_remark, summary, test_share
from .draft import AdoptOptions, ContractDraft, draft
from .sampling import sample
from .source import REFERENCES, fetch, file_name, place, renamed
from .texts import NO_USE, decide

DEMO_FILES = ("data/README.md",)
TASKS = ["binary", "multiclass", "regression"]


def adopt(
    here: Path, source: Path, options: AdoptOptions, reading: Ingest
) -> tuple[Contract, ContractDraft, dict[str, str]]:
    """Return the contract of the table in *here*, its draft, and the new content of each file to change.

    Writes nothing. *source* is the path of the table in the project, *reading* says how to read it.
    """
    params = Params.load(Path("params.yaml"))
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary) / "raw.parquet"
        read = ingest(here, raw, reading)
        click.echo(replace(read, source=here.name).describe())
        drafted = draft(raw, options)
        test = test_share(drafted, params)
        contract, rows = _splittable(raw, source, drafted, options, test)
        contract = _with_texts(contract, source, drafted, params, rows)
        if parts := time_parts(contract, params, rows):
            drafted.contract["columns"][contract.time]["parts"] = parts
            contract = _declared(drafted, source)
        drafted.remarks[:0] = read.remarks
        aim = aim_of(contract, rows)
        choice = choose(contract, params, rows, min(1, len(rows) / (read.rows * (1 - test))), aim)
    drafted.remarks += [leak_remark(leak, contract) for leak in leaks(contract, rows, choice.score)]
    drafted.decisions += decisions(contract, drafted, choice, aim)
    current = {name: Path(name).read_text(encoding="utf-8") for name in ("params.yaml", "dvc.yaml", "pyproject.toml")}
    changed = {
        "contract.yaml": project_files.contract(drafted.contract, source),
        "params.yaml": project_files.settings(current["params.yaml"], reading, contract, choice, aim, test),
        "dvc.yaml": project_files.pipeline(current["dvc.yaml"], contract),
        "pyproject.toml": project_files.environment(current["pyproject.toml"]),
        project.file(project.DATASET).as_posix(): project_files.DATASET,
        project.file(project.FEATURES).as_posix(): project_files.FEATURES,
    }
    Params.parse(changed["params.yaml"], "params.yaml")
    return contract, drafted, changed


def _with_texts(
    contract: Contract, source: Path, drafted: ContractDraft, params: Params, rows: pd.DataFrame
) -> Contract:
    """Return the contract without the columns of free text whose words do not help."""
    texts = decide(contract, params, rows)
    drafted.decisions += texts.helpful.values()
    for name in texts.useless:
        drafted.contract["columns"][name].pop("words")
        drafted.contract["columns"][name]["ignore"] = NO_USE
    return _declared(drafted, source) if texts.useless else contract


def _declared(drafted: ContractDraft, source: Path) -> Contract:
    return Contract.parse(project_files.contract(drafted.contract, source), "contract.yaml")


def _splittable(
    raw: Path, source: Path, drafted: ContractDraft, options: AdoptOptions, share: float
) -> tuple[Contract, pd.DataFrame]:
    """Return the contract of the draft, and train rows on which to try settings.

    An inferred time or group is dropped if it makes the split impossible.
    """
    inferred = {"time": not options.time, "group": not options.group}
    while True:
        contract = _declared(drafted, source)
        try:
            return contract, sample(raw, contract, share)
        except ProjectError as error:
            role = next((role for role, free in inferred.items() if free and role in drafted.contract), None)
            if role is None:
                raise
            name = drafted.contract.pop(role)
            if role == "group":
                drafted.contract["columns"][name]["type"] = "category"
            elif "join" in drafted.contract["columns"][name]:
                del drafted.contract["columns"][name]  # it would only order the rows
            drafted.remarks.append(f"{name} is not used as the {role} of a row: {error.message}")


def write(here: Path, source: Path, changed: dict[str, str]) -> None:
    """Write the table and the files, and remove those of the demo."""
    place(here, source)
    for name, content in changed.items():
        files.write(Path(name), content)
    for name in DEMO_FILES:
        files.remove(Path(name))


def _names(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Parse names of columns, separated by commas; quotes allow commas in names."""
    return tuple(map(plain, next(csv.reader([value], skipinitialspace=True)))) if value else ()


def _name(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Parse the name of a column, normalized as in the table."""
    return value and plain(value)


@click.command()
@click.argument("data", default="")
@click.option("--target", default="", callback=_name, help="Column to predict.")
@click.option("--task", type=click.Choice(TASKS), help="Kind of prediction; inferred by default.")
@click.option("--key", callback=_names, help="Columns that identify a row, separated by commas.")
@click.option("--time", callback=_name, help="Column with the time of a row; 'none' for none.")
@click.option("--group", callback=_name, help="Column whose rows stay together in the split; 'none' for none.")
@click.option("--ignore", callback=_names, help="Columns that the model must not use, separated by commas.")
@click.option("--query", help="Query, if DATA is a database; without DATA, DATABASE_URL is used.")
@reading_options
def main(data: str, target: str, query: str | None, **options: Any) -> None:
    """Replace the demo with the table in DATA: a file, a folder, an address, or a database (a SQLAlchemy URL).

    Infers contract.yaml, chooses settings, adds the data to DVC, and prints its decisions.
    """
    with tempfile.TemporaryDirectory() as temporary:
        here = fetch(data, query, Path(temporary))
        if not target:
            raise ProjectError("name the column to predict: add TARGET=column")
        source = Path("data") / file_name(here)
        here = renamed(here, source.name, Path(temporary))
        reading = settings(source.as_posix(), options)
        try:
            contract, drafted, changed = adopt(here, source, AdoptOptions(target, **options), reading)
        except ProjectError as error:  # with the name that the user gave
            raise ProjectError(error.message.replace(str(here), data or source.name)) from error
        write(here, source, changed)
    for line in summary(contract, drafted):
        click.echo(line)
    for remark in drafted.remarks:
        click.secho(f"  please check: {remark}", fg="yellow")
    tracked = source if source.suffix in REFERENCES else f"{source}.dvc"
    click.echo(f"\nRead contract.yaml, commit it with {tracked}, params.yaml and dvc.yaml, then: make all")
