"""The commit that made a version, checked out in a folder of its own."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ..common.errors import ProjectError
from ..common.provenance import DIRTY, short
from ..store.git import git
from .origin import Origin

LOCKS = ("dvc.lock", "uv.lock")
NOT_THERE = ("does not exist", "exists on disk, but not in", "invalid object name", "unknown revision", "bad object")


def outputs(lock: str) -> dict[str, str]:
    """Return the digest of each output in the text of a dvc.lock."""
    stages = (yaml.safe_load(lock) or {}).get("stages", {}).values()
    return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", ()) if "md5" in out}


def output_digests(commit: str) -> dict[str, str]:
    """Return the digest of each output in the dvc.lock of a commit; empty if it has none."""
    return outputs(git("show", f"{commit}:./dvc.lock", fails=NOT_THERE) or "")


def commit_of(origin: Origin) -> str:
    """Return the commit whose dvc.lock and uv.lock are those of the version; raises ProjectError if none has them."""
    expected = {name: origin.digests.get(f"{name}_sha256") for name in LOCKS}
    if not origin.files or not expected["dvc.lock"]:
        raise ProjectError(f"version {origin.version} was not made by this pipeline, so it cannot be made again")
    recorded = (origin.commit or "").removesuffix(DIRTY)
    candidates = (git("log", "--all", "--format=%H", "--", *LOCKS) or "").split()
    for commit in dict.fromkeys(filter(None, [recorded, *candidates])):
        if all(_sha256(commit, name) == digest for name, digest in expected.items() if digest):
            return commit
    raise ProjectError(
        f"version {origin.version}: no commit here has its dvc.lock and uv.lock (recorded: commit {short(recorded)}): "
        "commit dvc.lock, or fetch the branch that has them: git fetch --unshallow --tags origin"
    )


def _sha256(commit: str, name: str) -> str | None:
    text = git("show", f"{commit}:./{name}", fails=NOT_THERE)
    return None if text is None else hashlib.sha256(f"{text}\n".encode()).hexdigest()


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Yield the project in a work tree of its own at *commit*; it is removed afterwards, also after an error."""
    prefix = git("rev-parse", "--show-prefix") or ""
    with tempfile.TemporaryDirectory(prefix="rebuild-", ignore_cleanup_errors=True) as scratch:
        tree = Path(scratch) / "tree"
        hooks = ("-c", f"core.hooksPath={scratch}")  # those of the project would check out its data
        git("worktree", "prune")  # what was interrupted
        git(*hooks, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree / prefix
        finally:
            git("worktree", "remove", "--force", str(tree))
