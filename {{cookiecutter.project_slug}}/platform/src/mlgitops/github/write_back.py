"""Writes what the pipeline made, dvc.lock, back to the branch that it was asked about; main gets a pull request."""

import os

import click
import yaml

from ..common.errors import ProjectError
from ..common.project import root
from ..store.git import git
from . import api

LOCKS = ["dvc.lock", "uv.lock"]
SUBJECT = "Retrain: "
DRIFT = """`{branch}` has a change that its `dvc.lock` does not show: {stages} ran again.

This brings `dvc.lock` up to date. The check `train` reviews the model; merging approves it."""


def changed_stages() -> list[str]:
    """Return the stages whose entry in dvc.lock is another one than in the last commit; empty where none is."""
    if not git("status", "--porcelain", "--", *LOCKS):
        return []
    text = git("show", "HEAD:dvc.lock", fails=("does not exist", "exists on disk, but not in")) or "stages: {}"
    before = yaml.safe_load(text)["stages"]
    after = yaml.safe_load((root() / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return [name for name in after if before.get(name) != after[name]] or ["uv.lock"]


def write_back(branch: str) -> str:
    """Commit and push the locks to *branch*, and start the checks on the new head; return what happened, in words."""
    stages = changed_stages()
    if not stages:
        return "dvc.lock says what the pipeline makes of this commit: nothing to write back"
    if (git("log", "-1", "--format=%s") or "").startswith(SUBJECT) and "uv.lock" not in stages:
        raise ProjectError(
            f"the same commit gave another model at once ({', '.join(stages)} differ): it does not follow from what "
            "dvc.yaml names. Find what else it reads: the time, the network, a random number without the seed"
        )
    present = [name for name in LOCKS if (root() / name).is_file()]
    git("add", "--force", "--", *present)
    git("commit", "--quiet", "--no-verify", "-m", SUBJECT + ", ".join(stages))
    if branch == api.DEFAULT:
        git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/retrain")
        url = api.propose("retrain", SUBJECT + ", ".join(stages), DRIFT.format(branch=branch, stages=", ".join(stages)))
        return f"{branch} is behind: {url} brings its dvc.lock up to date"
    if git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", fails=("rejected", "cannot lock ref")) is None:
        return f"{branch} has moved on meanwhile: its own run writes back"
    api.check(branch)
    return f"{branch}: dvc.lock is written back ({', '.join(stages)}); the checks run on the new commit"


@click.command()
@click.argument("branch", default=lambda: os.environ.get("GITHUB_REF_NAME", ""))
def main(branch: str) -> None:
    """Write dvc.lock back to BRANCH (default: the one that the workflow runs on)."""
    if not branch:
        raise ProjectError("name the branch: this is no workflow")
    click.echo(write_back(branch))
