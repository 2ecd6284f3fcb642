"""Finds the model that a candidate has to beat: in the registry, in git, or in a folder."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from ..common.errors import ProjectError
from ..model.scorer import Scorer, digest
from ..store.git import git
from .report import Source

ALIAS = "champion"
GIT = "git:"


def find(requested: str | None, exported: Path, scratch: Path) -> tuple[Path, Source] | None:
    """Return the folder of the champion and its source, or the registry's newest other version where it has none.

    None where none is requested and the registry has no version but the candidate itself.

    *requested* is a folder, git:REVISION, or a version or alias of the registry; *exported* is where this repository
    keeps its exported model, *scratch* where another one may be put.
    """
    if requested and Path(requested).is_dir():
        return Path(requested), Source(requested)
    if requested and requested.startswith(GIT):
        return scratch, _from_git(requested.removeprefix(GIT), exported, scratch)
    source = _from_registry(requested or ALIAS, scratch) or (None if requested else _newest(exported, scratch))
    if source is None and requested:
        raise ProjectError(f"--champion {requested}: no such folder, and no such version or alias in the registry")
    return None if source is None else (scratch, source)


def _from_registry(version_or_alias: str, folder: Path) -> Source | None:
    from ..registry.command import fetch  # MLflow takes seconds to import

    facts = fetch(version_or_alias, folder)
    return None if facts is None else Source(f"version {facts.version}", facts.version, facts.commit, facts.run_id)


def _newest(exported: Path, scratch: Path) -> Source | None:
    """Return the newest version of the registry that is another model than the exported one."""
    from ..registry.command import newest

    version = newest(digest(exported / "model.onnx"))
    source = _from_registry(version, scratch) if version else None
    return replace(source, role="newest version") if source else None


def run_of(candidate: Scorer) -> str | None:
    """Return the id of the MLflow run that trained the candidate, or None."""
    if "pipeline_sha256" not in candidate.manifest:
        return None
    from ..registry.command import run_of

    try:
        return run_of(str(candidate.manifest["pipeline_sha256"]))
    except ProjectError:  # a server that does not answer is no reason to refuse a model
        return None


def _from_git(revision: str, exported: Path, scratch: Path) -> Source:
    named = f"{revision}^{{commit}}"
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", named, fails=("",), cwd=Path.cwd())
    if commit is None:
        raise ProjectError(f"--champion {GIT}{revision}: git has no such revision here: fetch it with `git fetch`")
    dvc = [sys.executable, "-m", "dvc", "get", ".", exported.as_posix(), "--rev", commit, "--out", str(scratch)]
    if subprocess.run(dvc, capture_output=True).returncode:
        raise ProjectError(
            f"--champion {GIT}{revision}: DVC cannot fetch {exported} of that revision; for its error message, run "
            f"`dvc get . {exported.as_posix()} --rev {revision} --out build/champion`"
        )
    return Source(revision, commit=commit)
