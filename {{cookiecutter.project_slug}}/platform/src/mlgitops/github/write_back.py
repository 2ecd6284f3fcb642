"""Commits dvc.lock, as the pipeline has written it, to the branch of the workflow; main gets a pull request."""

import os

import click
import yaml

from ..common.errors import ProjectError
from ..common.project import root
from ..store.git import git, push_ref
from . import api

LOCKS = ["dvc.lock", "uv.lock"]
SUBJECT_PREFIX = "Retrain: "
PULL_REQUEST_BODY = """The `dvc.lock` of `{branch}` is out of date: {stages} ran again.

This pull request updates `dvc.lock`. The check `train` reviews the model; merging approves it."""


def changed_stages() -> list[str]:
    """Return the stages whose entries in dvc.lock differ from the last commit."""
    if not git("status", "--porcelain", "--", *LOCKS):
        return []
    text = git("show", "HEAD:dvc.lock", fails=("does not exist", "exists on disk, but not in")) or "stages: {}"
    before = yaml.safe_load(text)["stages"]
    after = yaml.safe_load((root() / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return [name for name in after if before.get(name) != after[name]] or ["uv.lock"]


def write_back(branch: str) -> str:
    """Commit and push the locks to *branch* and dispatch its checks; return a message about the result."""
    stages = changed_stages()
    if not stages:
        return "dvc.lock is up to date: nothing to write back"
    if (git("log", "-1", "--format=%s") or "").startswith(SUBJECT_PREFIX) and "uv.lock" not in stages:
        raise ProjectError(
            f"the pipeline is not deterministic: a second run of the same commit changed {', '.join(stages)}. Find the "
            "input that dvc.yaml does not name: the time, the network, or random numbers without the seed"
        )
    paths = [name for name in LOCKS if (root() / name).is_file()]
    git("add", "--force", "--", *paths)
    git("commit", "--quiet", "--no-verify", "-m", SUBJECT_PREFIX + ", ".join(stages))
    if branch == api.DEFAULT:
        git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/retrain")
        url = api.propose(
            "retrain",
            SUBJECT_PREFIX + ", ".join(stages),
            PULL_REQUEST_BODY.format(branch=branch, stages=", ".join(stages)),
        )
        return f"dvc.lock of {branch} is out of date: {url} updates it"
    if not push_ref("origin", f"HEAD:refs/heads/{branch}"):
        return f"{branch} has a newer commit, whose own run writes dvc.lock back"
    api.check(branch)
    return f"{branch}: dvc.lock was pushed ({', '.join(stages)}); the checks run on the new commit"


@click.command()
@click.argument("branch", default=lambda: os.environ.get("GITHUB_REF_NAME", ""))
def main(branch: str) -> None:
    """Write dvc.lock back to BRANCH (default: the one that the workflow runs on)."""
    if not branch:
        raise ProjectError("not in a workflow: name the branch")
    click.echo(write_back(branch))
