"""The branch `store`: what git does not keep beside the code (DVC's objects, MLflow's database and files), in .store/.

.store is a repository of its own with that one branch, and no folder of git's that another one points to: so it may be
moved together with the project. Where two machines push at once, the files of both are kept, and the databases are
merged row by row; see `merge`.
"""

import subprocess
from collections.abc import Callable

import click

from ..common.errors import ProjectError
from . import sqlite_merge
from .git import git, git_in_store
from .paths import store

BRANCH = "store"
LIMIT = 100 * 2**20  # bytes of a file; what GitHub takes, and others similarly
TRIES = 10  # times that others may push first
REFUSED = ("[rejected]", "[remote rejected]", "fetch first", "non-fast-forward", "cannot lock ref", "failed to update")


def pull() -> bool:
    """Bring what others have pushed into .store; return whether there was anything to bring."""
    url = _origin()
    if url is None:
        return False
    words = ("fetch", "--quiet", "--depth=1", "--no-tags", url, f"refs/heads/{BRANCH}")
    if git_in_store(*words, fails=("remote ref",)) is None:
        return False
    sqlite_merge.take(git_in_store("rev-parse", "FETCH_HEAD") or "")
    return True


def push() -> bool:
    """Push what is new in .store; return False where others were first, whose work is then in .store, too.

    Raises ProjectError, before anything is pushed, for a file that git hosts refuse.
    """
    url = _origin()
    if url is None:
        return True
    _commit()
    if git_in_store("rev-parse", "--verify", "--quiet", "HEAD", fails=("",)) is None:  # nothing was ever kept
        return True
    if git_in_store("push", "--quiet", url, f"HEAD:refs/heads/{BRANCH}", fails=REFUSED) is not None:
        git_in_store("update-ref", sqlite_merge.SHARED, "HEAD")
        return True
    pull()
    return False


def share(act: Callable[[], None] | None = None) -> None:
    """Push what is new in .store, together with whatever others push at the same time.

    What *act* does is done on what they have pushed, and again where they were first.
    """
    for _ in range(TRIES):
        if act:
            pull()
            act()
        if push():
            return
    raise ProjectError(f"others pushed the branch {BRANCH} {TRIES} times meanwhile: try again")


def _origin() -> str | None:
    """Return the address of the project's repository, with .store made ready for its branch; None without one."""
    url = git("ls-remote", "--get-url", "origin", fails=("",))
    if url in (None, "origin"):  # which git says where there is none
        return None
    if not (store() / ".git").is_dir():
        git_in_store("init", "--quiet", f"--initial-branch={BRANCH}", ".store")
    return url


def _commit() -> None:
    """Commit what is new in .store; raises ProjectError for a file that is too large."""
    listed = git_in_store("ls-files", "--others", "--modified", "--exclude-standard", "-z")
    for name in filter(None, (listed or "").split("\0")):
        path = store() / name
        if path.is_file() and path.stat().st_size > LIMIT:
            raise ProjectError(
                f".store/{name}: {path.stat().st_size / 2**20:.0f} MB, and git hosts take {LIMIT // 2**20}: keep data "
                "and models in a bucket: `uv run dvc remote modify storage url s3://bucket/dvc` (docs/storage.md)"
            )
    git_in_store("add", "--all", "--force", "--", ":/", ":!/mlflow/*.lock")
    if git_in_store("diff", "--cached", "--quiet", fails=("",)) is None:
        git_in_store("commit", "--quiet", "--no-verify", "-m", "Keep data, models and runs")


@click.group()
def main() -> None:
    """Share data, models and history through the branch `store` of this repository."""


@main.command(name="pull")
def _pull() -> None:
    """Bring what others have pushed."""
    click.echo(".store: up to date with the branch store" if pull() else ".store: nothing was pushed yet")


@main.command(name="push")
def _push() -> None:
    """Push what is new, together with what others push at the same time."""
    share()


@main.command(name="share", context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def _share(command: tuple[str, ...]) -> None:
    """Bring what others have pushed, run COMMAND, push; where others were first, do it again.

    COMMAND must leave alone what it finds done: register and promote do.
    """

    def act() -> None:
        if code := subprocess.run(command).returncode:
            click.get_current_context().exit(code)

    share(act)
