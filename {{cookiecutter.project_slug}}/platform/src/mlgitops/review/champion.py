"""Finds the model that a candidate has to beat: in the registry, in git, or in a folder."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from ..common.errors import ProjectError
from ..store.git import git

ALIAS = "champion"
GIT = "git:"


def find(asked: str | None, exported: Path, scratch: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the folder of the champion and where it comes from; None where nobody asked and the registry has none.

    *asked* is a folder, git:REVISION, or a version or alias of the registry; *exported* is where this repository keeps
    its exported model, *scratch* where another one may be put.
    """
    if asked and Path(asked).is_dir():
        return Path(asked), {"name": asked}
    if asked and asked.startswith(GIT):
        return scratch, _from_git(asked.removeprefix(GIT), exported, scratch)
    facts = _fetch(asked or ALIAS, scratch)
    if facts is None and asked:
        raise ProjectError(f"--champion {asked}: no such folder, and no such version or alias in the registry")
    return None if facts is None else (scratch, {"name": f"version {facts['version']}", **facts})


def _fetch(version_or_alias: str, folder: Path) -> dict[str, Any] | None:
    from ..registry.command import fetch  # MLflow takes seconds to import

    return fetch(version_or_alias, folder)


def _from_git(revision: str, exported: Path, scratch: Path) -> dict[str, Any]:
    named = f"{revision}^{{commit}}"
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", named, fails=("",), cwd=Path.cwd())
    if commit is None:
        raise ProjectError(f"--champion {GIT}{revision}: git has no such revision here: fetch it with `git fetch`")
    dvc = [sys.executable, "-m", "dvc", "get", ".", exported.as_posix(), "--rev", commit, "--out", str(scratch)]
    if subprocess.run(dvc, capture_output=True).returncode:
        raise ProjectError(
            f"--champion {GIT}{revision}: DVC cannot bring {exported} of that revision: see what it says with "
            f"`dvc get . {exported.as_posix()} --rev {revision} --out build/champion`"
        )
    return {"name": revision, "commit": commit}
