"""Commits dvc.lock, as the pipeline has written it, to the branch of the workflow; main gets a pull request."""

import os

import click
import yaml

from ..common.errors import ProjectError
from ..common.project import root
from ..review.report import Report
from ..store.git import git, push_ref
from . import api

LOCKS = ["dvc.lock", "uv.lock"]
SUBJECT_PREFIX = "Retrain: "
PULL_REQUEST_BODY = """The `dvc.lock` of `{branch}` is out of date: {stages} ran again.

This pull request updates `dvc.lock`. The check `train` reviews the model; merging approves it."""

REFUSED_MARKER = "<!-- retrained model refused -->"
REFUSED_BODY = (
    REFUSED_MARKER
    + """
The model that was trained on the newest data of `main` does not pass the gates of the review:

{reasons}

So there is no pull request, and the approved model stays. The artifacts of the workflow have the review."""
)
MAX_REASON_CHARS = 300


def refusal() -> str:
    """Return the gates that refused the model as lines, or "" if the review accepted it."""
    path = root() / "reports" / "review.json"
    report = Report.load(path) if path.is_file() else None
    if report is None or report.accepted:
        return ""
    refusing = [gate for gate in report.gates if gate.passed is False]
    return (
        "\n".join(f"- {gate.name}: {gate.measured}; required: {gate.required}" for gate in refusing) or report.verdict
    )


def because() -> str:
    """Return why the workflow was started, where it was started for a reason."""
    reason = " ".join(os.environ.get("BECAUSE", "").split())[:MAX_REASON_CHARS]
    return f"\n\nReason: {reason}" if reason else ""


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
    if branch == api.DEFAULT and (reasons := refusal()):
        url, _ = api.issue(REFUSED_MARKER, "The retrained model was refused", REFUSED_BODY.format(reasons=reasons))
        return f"the retrained model was refused, so there is no pull request: {url}"
    paths = [name for name in LOCKS if (root() / name).is_file()]
    git("add", "--force", "--", *paths)
    git("commit", "--quiet", "--no-verify", "-m", SUBJECT_PREFIX + ", ".join(stages))
    if branch == api.DEFAULT:
        git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/retrain")
        url = api.propose(
            "retrain",
            SUBJECT_PREFIX + ", ".join(stages),
            PULL_REQUEST_BODY.format(branch=branch, stages=", ".join(stages)) + because(),
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
