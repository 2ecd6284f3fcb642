"""Updates this repository from its template, as a pull request; an update with conflicts is left to be resolved."""

import re
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..common.process import run
from ..common.project import root
from ..store.git import git
from . import api

CRUFT = "cruft==2.16.0"
BRANCH, TITLE = "template", "Update from the template"
MARKER = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
BODY = """The changes of the template since this repository was made from it, or was last updated.

They applied without a conflict, and touch neither `src/` nor `tests/` nor `notebooks/`. The checks of this pull request
show whether the project works with them; `make pipeline review` shows what they change in the model."""
CONFLICTS = """the update of the template conflicts with changes made here; nothing was committed or pushed.
Conflicts in:
  {files}
In a clone of this repository (`make update-template` leaves it in this state, on the branch `{branch}`):
  1. resolve each file: choose between the lines at <<<<<<< and >>>>>>>; apply what a *.rej file lists, and delete it
  2. git add --all && git commit -m "{title}"
  3. git push --force origin {branch}, and open a pull request
To give the update up: git reset --hard && git clean -d --force, and go back to your branch."""


@click.command()
def main() -> None:
    """Update this repository from its template, on a branch, and open its pull request."""
    if not (root() / ".cruft.json").is_file():
        click.echo("this repository was not made by `cruft create`: it has no template to be updated from")
        return
    if git("status", "--porcelain"):
        raise ProjectError("the work tree has changes: commit or stash them, then run `make update-template` again")
    # without --checkout, cruft stays at the tag that the project was made from
    run("uvx", CRUFT, "update", "--skip-apply-ask", "--checkout", "HEAD", cwd=root())
    if not git("status", "--porcelain"):
        click.echo("up to date with the template")
        return
    _move_to_branch()
    if files := conflicts(root()):
        raise ProjectError(CONFLICTS.format(files="\n  ".join(files), branch=BRANCH, title=TITLE))
    git("add", "--all")
    git("commit", "--quiet", "--no-verify", "-m", TITLE)  # the pull request runs the checks
    git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
    click.echo(api.propose(BRANCH, TITLE, BODY))


def conflicts(folder: Path) -> list[str]:
    """Return the files in *folder* that could not be merged: unmerged, `*.rej`, or with conflict markers."""
    unmerged = _names("diff", "--name-only", "--relative", "--diff-filter=U")
    changed = _names("diff", "--name-only", "--relative", "HEAD") + _names("ls-files", "--others", "--exclude-standard")
    rejected = [name for name in changed if name.endswith(".rej")]
    present = [name for name in changed if (folder / name).is_file()]
    return sorted({*unmerged, *rejected, *(name for name in present if MARKER.search((folder / name).read_bytes()))})


def _names(*words: str) -> list[str]:
    """Return the file names that git lists, whatever characters they have."""
    return [name for name in (git(*words, "-z") or "").split("\0") if name]


def _move_to_branch() -> None:
    """Let the work tree, as it is, be that of the branch `template`; `git switch` refuses while there are conflicts."""
    git("update-ref", f"refs/heads/{BRANCH}", "HEAD")
    git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
