"""Deletes data, models and runs that no kept version needs: in DVC's cache and storage, MLflow and the branch `store`.

Every step removes only what nothing kept names, and finds that anew, so that a run that was interrupted is repeated.
"""

import re
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..registry import retention
from ..store import branch
from ..store.git import git
from ..store.mlflow_backend import connect
from .checkout import output_digests
from .kept import Kept, kept, repository
from .rebuild import own_dvc

LOCKS = 20
COUNTED = re.compile("Removed|would remove|No unused")  # lines of `dvc gc`
DRY = "nothing was deleted: `make prune DELETE=yes` deletes it"


def prune(keep: Kept, dry: bool) -> list[str]:
    """Delete what is not kept, or only say what would be deleted; return lines about it."""
    md5s = frozenset(md5 for commit in keep.commits for md5 in output_digests(commit).values())
    client = connect()
    unneeded = retention.removable(client, retention.Keep(keep.released, md5s, keep.before * 1000))
    lines = [f"MLflow: {unneeded.describe()}"]
    remark = "" if dry else retention.remove(client, unneeded)
    lines += [f"MLflow: {remark}"] if remark else []
    with repository(keep.commits, Path(own_dvc("cache", "dir").strip())) as project:
        options = ["--all-tags", "--cloud", "--force", "--projects", str(project)]
        said = own_dvc("gc", *options, *(["--dry"] if dry else []))
    said = said.replace("Removed", "would remove") if dry else said
    return lines + [f"DVC: {line}" for line in said.splitlines() if COUNTED.match(line)]


@click.command()
@click.option("--keep", type=click.IntRange(min=1), default=LOCKS, show_default=True, help="How many dvc.lock of main.")
@click.option("--delete", type=click.Choice(["yes", "no"]), default="no", help="Delete, instead of only listing.")
def main(keep: int, delete: str) -> None:
    """Delete data, models and runs that are no longer needed; without --delete yes, only list them.

    Kept is what the last dvc.lock of main name, all releases (tags model/v*), all other tags, the tips of all branches,
    the work tree, aliases, and every version that was ever the champion.
    """
    if git("rev-parse", "--git-dir", fails=("not a git repository",)) is None:
        raise ProjectError("without a git repository, nothing says what is still needed")
    keeping, lines = kept(keep), list[str]()
    click.echo(f"kept: {len(keeping.commits)} commits, {len(keeping.released)} releases")
    if delete == "yes":

        def action() -> None:
            lines[:] = prune(keeping, dry=False)

        branch.share(action)
    else:
        lines = [*prune(keeping, dry=True), DRY]
    click.echo("\n".join(lines))
