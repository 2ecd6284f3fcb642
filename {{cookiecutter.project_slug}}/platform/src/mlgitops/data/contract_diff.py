"""The command contract-diff: what changed in the contract and in the rows of the table."""

import tempfile
from pathlib import Path

import click
import yaml

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.diff import changes, read
from ..contract.params import Ingest, Params
from ..store.git import git
from . import row_changes
from .address import dvc
from .loaded import load

RAW = "data/raw.parquet"  # what ingest has made of a query, or of load()


def rows(old: str, contract: Contract) -> str:
    """Return how the rows of the table here differ from those at the git revision *old*, or why that is not known."""
    before, after = _params(old), Params.load(Path("params.yaml")).ingest
    if before is None:
        return "not compared: " + f"{old} has no params.yaml"
    path, now = _table(old, before), _table("", after)
    if path is None or now is None or not Path(now).exists():
        return "not compared: DVC tracks no table in both"
    if path == now and _digest(old, path) == _digest("", now):
        return f"{now}: the same table"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        try:
            dvc("get", ".", path, "--rev", old, "--out", str(copy))
            then, here = load(copy, before, contract), load(now, after, contract)
        except ProjectError as error:
            return f"not compared: {error.message.replace(str(copy), f'{path} at {old}')}"
        found = row_changes.compare(then.typed, here.typed, contract)
        counts = f"{len(found.added):,} added, {len(found.changed):,} changed, {len(found.gone):,} gone"
        lines = row_changes.examples(then.typed, here.typed, found, contract)
        return "\n  ".join([f"{now}: {then.report.rows:,} became {here.report.rows:,}: {counts}", *lines])


def _params(revision: str) -> Ingest | None:
    text = git("show", "--end-of-options", f"{revision}:./params.yaml", fails=("",), cwd=Path.cwd())
    return Params.parse(text, f"{revision}:params.yaml").ingest if text else None


def _table(revision: str, how: Ingest) -> str | None:
    """Return the path of the table that DVC tracks: the source, or what ingest has written."""
    return next((path for path in (how.source, RAW) if _digest(revision, path)), None)


def _digest(revision: str, path: str) -> str | None:
    """Return the digest of a file that DVC tracks, at a revision or here; None if it does not track it."""
    pointer, lock = _yaml(revision, f"{path}.dvc"), _yaml(revision, "dvc.lock")
    stages = lock.get("stages", {}).values()
    outs = [*pointer.get("outs", []), *(out for stage in stages for out in stage.get("outs", []))]
    named = {Path(path).name} if pointer else {path}
    return next((str(out["md5"]) for out in outs if out.get("path") in named and "md5" in out), None)


def _yaml(revision: str, path: str) -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    if revision:
        text = git("show", "--end-of-options", f"{revision}:./{path}", fails=("",), cwd=Path.cwd())
    else:
        text = Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None
    return (yaml.safe_load(text) if text else None) or {}


@click.command()
@click.argument("old", default="HEAD~1")
@click.argument("new", default="contract.yaml")
@click.option("--check", is_flag=True, help="Exit with code 1 if a change breaks callers.")
def main(old: str, new: str, check: bool) -> None:
    """Compare contract.yaml of OLD with that of NEW; each is a git revision or a file.

    The rows of the table are compared too if OLD is a revision, and NEW is contract.yaml here.
    """
    contract = read(new)
    differences = changes(read(old), contract)
    for change in differences:
        mark = click.style("breaks callers", fg="red") if change.breaking else "compatible"
        click.echo(f"{mark:14}  {change.where}: {change.what}")
    breaking = sum(change.breaking for change in differences)
    click.echo(f"{len(differences)} changes, {breaking} of which break callers" if differences else "no change")
    if new == "contract.yaml" and not Path(old).is_file() and Path("params.yaml").is_file():
        click.echo(f"rows: {rows(old, contract)}")
    if check and breaking:
        raise SystemExit(1)
