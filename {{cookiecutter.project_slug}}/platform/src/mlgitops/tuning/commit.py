"""Commits files to a branch of their own, without touching the work tree or the current branch."""

from collections.abc import Mapping

from ..common import files
from ..store.git import NO_COMMIT, git, work_tree

BRANCH = "tune"
DEPENDS = ("contract.yaml", "params.yaml", "src", "dvc.lock")  # what the scores follow from


def uncommitted() -> str:
    """Return why the result of the search cannot be a commit: there is no commit yet, or something is not in it."""
    if not git("rev-parse", "--verify", "HEAD", fails=NO_COMMIT):
        return "there is no commit yet"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", *DEPENDS) or ""
    names = [line[3:] for line in changed.splitlines() if line[3:] != "dvc.lock"]
    return f"{', '.join(names)}: not committed" if names else ""


def commit(texts: Mapping[str, str], message: str) -> str:
    """Make a commit on HEAD with the files *texts*, let the branch `tune` be that commit, and return its id."""
    prefix = git("rev-parse", "--show-prefix") or ""  # of a project that is a folder of a repository
    with work_tree("HEAD") as tree:
        for name, text in texts.items():
            files.write(tree / prefix / name, text)
            git("add", "--force", "--", str(tree / prefix / name), cwd=tree)
        git("commit", "--quiet", "--no-verify", "-m", message, cwd=tree)
        made = git("rev-parse", "HEAD", cwd=tree) or ""
    git("branch", "--force", BRANCH, made)
    return made
