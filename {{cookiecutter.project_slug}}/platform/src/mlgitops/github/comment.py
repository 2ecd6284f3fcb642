"""Shows a reviewer what the model of a pull request does: one comment, kept up to date, and the workflow's summary.

The comment is made where no code of the pull request runs: what its run of `train` has left is read as data.
"""

import io
import os
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ..common import files
from ..common.errors import ProjectError
from ..data.validation_report import ValidationReport
from ..review.pages.markdown import MARKER
from . import api

ZERO_WIDTH = "\u200b"
LARGEST = 1_000_000  # bytes of a page
FORK = (
    "> This comes from another repository: its own code has made this page. Read the changes of code first. "
    "Nothing of it was pushed, registered or given a secret."
)


def page(review: str | None, validation: str | None) -> str:
    """Return what to show: the review, or the failures of validation in its report (JSON), or that there is neither."""
    if review:
        return review
    report = ValidationReport.parse(validation, "validation.json") if validation else None
    if report and not report.success:
        failures = report.explain().replace("```", "'''")
        return f"{MARKER}\n\n## ❌ The data breaks the contract: nothing was trained\n\n```text\n{failures}\n```\n"
    return f"{MARKER}\n\n## ❌ There is no model to review\n\nThe run failed before there was one: its log says why.\n"


def subject(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the pull request that an event is about, and the run of `train` on its very head; None without both.

    Which they are, GitHub says: nothing that the run has left is believed about that.
    """
    if "workflow_run" in event:
        run = event["workflow_run"]
        head = quote(f"{run['head_repository']['full_name'].partition('/')[0]}:{run['head_branch']}")
        pulls = [p for p in api.api(f"/pulls?state=open&head={head}") if p["head"]["sha"] == run["head_sha"]]
        return (pulls[0], run) if pulls else None
    pull = event["pull_request"]
    asked = f"/actions/workflows/train.yml/runs?status=completed&head_sha={pull['head']['sha']}"
    runs = [run for run in api.api(asked)["workflow_runs"] if run["conclusion"] in ("success", "failure")]
    return (pull, runs[0]) if runs else None


def post(pull: dict[str, Any], run: dict[str, Any]) -> None:
    """Write or change the comment on *pull* with what *run* has left."""
    left = {one["name"]: one for one in api.api(f"/actions/runs/{run['id']}/artifacts")["artifacts"]}
    reports = _read(left["reports"]["id"]) if "reports" in left else {}
    text = page(reports.get("review.md"), reports.get("validation.json"))
    if pull["head"]["repo"]["full_name"] != api.repository():
        text = f"{MARKER}\n{FORK}\n\n{text.replace('@', '@' + ZERO_WIDTH)}"
    links = [("the run", "")] + [(name, f"/artifacts/{one['id']}") for name, one in left.items()]
    said = " · ".join(f"[{name}]({run['html_url']}{path})" for name, path in links)
    foot = f"\n---\n{said} · commit {run['head_sha'][:10]}\n"
    api.comment(pull["number"], MARKER, text[: api.BODY - len(foot)] + foot)


def _read(artifact: int) -> dict[str, str]:
    """Return the files of an artifact that a comment is made of; what else is in it, or too large, is not looked at."""
    with zipfile.ZipFile(io.BytesIO(api.download(f"/actions/artifacts/{artifact}/zip"))) as archive:
        return {
            one.filename: archive.read(one).decode(errors="replace")
            for one in archive.infolist()
            if one.filename in ("review.md", "validation.json") and one.file_size < LARGEST
        }


@click.group()
def main() -> None:
    """Show what the model of a change does."""


@main.command(name="summary")
@click.argument("reports", type=click.Path(path_type=Path), default="reports")
def _summary(reports: Path) -> None:
    """Print the page about what is in REPORTS; inside a workflow, to its summary."""
    review, validation = reports / "review.md", reports / "validation.json"
    text = page(*(path.read_text(encoding="utf-8") if path.is_file() else None for path in (review, validation)))
    if not api.note("GITHUB_STEP_SUMMARY", text):
        click.echo(text)


@main.command(name="post")
def _post() -> None:
    """Comment on the pull request that this workflow is about."""
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event:
        raise ProjectError("this is no workflow: `summary` prints the page")
    about = subject(files.read_json(Path(event)))
    if about:
        post(*about)
    click.echo(f"pull request {about[0]['number']}: the comment is up to date" if about else "there is nothing to show")
