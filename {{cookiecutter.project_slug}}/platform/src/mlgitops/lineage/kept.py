"""The commits whose data and models are kept: the last ones of main, all releases, and what is being worked on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..common.errors import ProjectError
from ..common.files import write
from ..github import api, tags
from ..store.branch import BRANCH
from ..store.git import git

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Kept:
    """Commits that are kept, the versions of releases, and the Unix time before which the rest is not needed.

    *before* is 0 if main has no older dvc.lock than those that are kept.
    """

    commits: tuple[str, ...]
    released: frozenset[str]
    before: int


def kept(locks: int) -> Kept:
    """Return what is kept besides the work tree: the last *locks* dvc.lock of main, tags model/v*, tips of branches."""
    main = "HEAD"
    if git("remote"):
        api.fetch()
        git("fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*", f"^refs/heads/{BRANCH}")
        main = api.MAIN
    log = [line.split(" ") for line in (git("log", "--format=%H %ct", main, "--", LOCK) or "").splitlines()]
    if not log:
        raise ProjectError(f"{main} has no {LOCK}: nothing that could be kept, so nothing is removed")
    references = git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", f"refs/tags/{tags.PREFIX}*")
    names = [name for name in (references or "").splitlines() if name.rpartition("/")[2] not in {BRANCH, "HEAD"}]
    tips = [git("rev-parse", f"{name}^{{commit}}") or "" for name in names]
    commits = dict.fromkeys([*(commit for commit, _ in log[:locks]), *tips])
    released = {name.rpartition("/v")[2] for name in names if name.startswith(f"refs/tags/{tags.PREFIX}")}
    return Kept(tuple(commits), frozenset(released), int(log[locks][1]) if len(log) > locks else 0)


@contextmanager
def repository(commits: tuple[str, ...], cache: Path) -> Iterator[Path]:
    """Yield a project in a repository of its own in which these *commits*, and no others, have tags."""
    objects, prefix = git("rev-parse", "--git-path", "objects") or "", git("rev-parse", "--show-prefix") or ""
    base = Path(git("rev-parse", "--show-toplevel") or ".")
    with TemporaryDirectory(prefix="prune-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        git("init", "--quiet", cwd=folder)
        write(folder / ".git/objects/info/alternates", f"{(base / prefix / objects).resolve().as_posix()}\n")
        for commit in commits:
            git("update-ref", f"refs/tags/kept/{commit}", commit, cwd=folder)
        git("checkout", "--quiet", "--detach", commits[0], cwd=folder)
        write(folder / prefix / ".dvc/config.local", f"[cache]\n    dir = {cache.as_posix()}\n")
        yield folder / prefix
