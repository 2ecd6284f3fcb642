"""The branch `store`, checked out in .store/: DVC's objects and MLflow's database and files, apart from the code.

.store is a separate repository with that one branch, not a git worktree, so it can be moved together with the project.
If two machines push concurrently, the files of both are kept, and the databases are merged row by row; see
`sqlite_merge`.
"""

import subprocess
from collections.abc import Callable

import click

from ..common.errors import ProjectError
from . import sqlite_merge
from .git import git, git_in_store, push_ref
from .paths import store

BRANCH = "store"
MAX_FILE_BYTES = 100 * 2**20  # GitHub's limit for one file; other hosts have similar limits
MAX_PUSH_ATTEMPTS = 10  # an attempt fails if another push comes first


def pull() -> bool:
    """Merge the remote branch into .store; return False if it does not exist yet."""
    url = _origin()
    if url is None:
        return False
    arguments = ("fetch", "--quiet", "--depth=1", "--no-tags", url, f"refs/heads/{BRANCH}")
    if git_in_store(*arguments, fails=("remote ref",)) is None:
        return False
    sqlite_merge.merge_commit(git_in_store("rev-parse", "FETCH_HEAD") or "")
    return True


def push() -> bool:
    """Commit and push .store; return False if another push came first, after merging it into .store.

    Raises ProjectError, before anything is pushed, for a file that is too large for git hosts.
    """
    url = _origin()
    if url is None:
        return True
    _commit()
    if git_in_store("rev-parse", "--verify", "--quiet", "HEAD", fails=("",)) is None:  # nothing was ever committed
        return True
    if push_ref(url, f"HEAD:refs/heads/{BRANCH}", in_store=True):
        git_in_store("update-ref", sqlite_merge.REMOTE_REF, "HEAD")
        return True
    pull()
    return False


def share(action: Callable[[], None] | None = None) -> None:
    """Push .store and retry after each concurrent push.

    *action*, if any, runs on the newest remote state, and again in each retry; it must be idempotent.
    """
    for _ in range(MAX_PUSH_ATTEMPTS):
        if action:
            pull()
            action()
        if push():
            return
    raise ProjectError(f"{BRANCH}: in {MAX_PUSH_ATTEMPTS} attempts, another push to this branch came first: try again")


def _origin() -> str | None:
    """Return the URL of the remote `origin`, and initialize .store; return None if there is no remote."""
    url = git("remote", "get-url", "origin", fails=("No such remote", "not a git repository"))
    if url is None:
        return None
    if not (store() / ".git").is_dir():
        git_in_store("init", "--quiet", f"--initial-branch={BRANCH}", ".store")
    return url


def _commit() -> None:
    """Commit all changes in .store; raises ProjectError for a file that is too large."""
    names = git_in_store("ls-files", "--others", "--modified", "--exclude-standard", "-z")
    for name in filter(None, (names or "").split("\0")):
        path = store() / name
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            raise ProjectError(
                f".store/{name}: {path.stat().st_size / 2**20:.0f} MB is more than the {MAX_FILE_BYTES // 2**20} MB "
                "that git hosts accept: store data and models in a bucket: "
                "`uv run dvc remote modify storage url s3://bucket/dvc` (docs/storage.md)"
            )
    git_in_store("add", "--all", "--force", "--", ":/", ":!/mlflow/*.lock")
    if git_in_store("diff", "--cached", "--quiet", fails=("",)) is None:
        git_in_store("commit", "--quiet", "--no-verify", "-m", "Keep data, models and runs")


@click.group()
def main() -> None:
    """Share data, models and history through the branch `store` of this repository."""


@main.command(name="pull")
def _pull() -> None:
    """Fetch the remote branch and merge it into .store."""
    click.echo(".store: up to date with the branch store" if pull() else ".store: the branch store does not exist yet")


@main.command(name="push")
def _push() -> None:
    """Push .store, merged with concurrent pushes."""
    share()


@main.command(name="share", context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def _share(command: tuple[str, ...]) -> None:
    """Pull, run COMMAND and push; repeat all three if another push comes first.

    COMMAND must be idempotent, as register and promote are.
    """

    def action() -> None:
        if code := subprocess.run(command).returncode:
            click.get_current_context().exit(code)

    share(action)
