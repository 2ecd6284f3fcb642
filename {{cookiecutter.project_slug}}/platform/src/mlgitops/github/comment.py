"""Posts the review of a pull request's model as one comment, which is kept up to date, and as the workflow's summary.

The workflow that comments never runs code of the pull request: it reads the artifacts of its run of `train` as data.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ..common import files
from ..common.errors import ProjectError
from ..data.validation_report import ValidationReport
from ..review.pages.escape import defused, prose
from ..review.pages.markdown import MARKER
from . import api, artifacts
from .artifacts import MAX_ARTIFACT_BYTES

FORK = """## ⚠️ Unverified: the review of a fork

> This pull request comes from a fork, whose own code generated the page below. Review the code changes first. Nothing
> was pushed or registered, and the run had no access to secrets."""
TOO_LARGE = "The reports of this run have {size:,} bytes, more than {limit:,}: see the run."


def page(review: str | None, validation: str | None) -> str:
    """Return the review, or else the failures in the validation report (JSON), or else a note that there is neither."""
    if review:
        return review
    report = ValidationReport.parse(validation, "validation.json") if validation else None
    if report and not report.success:
        failures = report.explain().replace("```", "'''")
        return f"{MARKER}\n\n## ❌ The data breaks the contract: nothing was trained\n\n```text\n{failures}\n```\n"
    return f"{MARKER}\n\n## ❌ There is no model to review\n\nThe run failed before it trained a model; see its log.\n"


def subject(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the pull request of an event and the run of `train` on its head commit; None unless both exist.

    Both come from GitHub's API, never from the artifacts of the run, which are untrusted.
    """
    if "workflow_run" in event:
        run = event["workflow_run"]
        head = quote(f"{run['head_repository']['full_name'].partition('/')[0]}:{run['head_branch']}")
        pulls = [p for p in api.api(f"/pulls?state=open&head={head}") if p["head"]["sha"] == run["head_sha"]]
        return (pulls[0], run) if pulls else None
    pull = event["pull_request"]
    query = f"/actions/workflows/train.yml/runs?status=completed&head_sha={pull['head']['sha']}"
    runs = [run for run in api.api(query)["workflow_runs"] if run["conclusion"] in ("success", "failure")]
    return (pull, runs[0]) if runs else None


def post(pull: dict[str, Any], run: dict[str, Any]) -> None:
    """Post or update the comment on *pull* from the artifacts of *run*."""
    uploaded = {entry["name"]: entry for entry in api.api(f"/actions/runs/{run['id']}/artifacts")["artifacts"]}
    text = _page(uploaded.get("reports"))
    links = [("the run", "")] + [(prose(name), f"/artifacts/{entry['id']}") for name, entry in uploaded.items()]
    link_list = " · ".join(f"[{name}]({run['html_url']}{path})" for name, path in links)
    origin = f"{link_list} · commit {run['head_sha'][:10]}\n"
    body = f"{text[: api.MAX_BODY_CHARS - len(origin) - 10]}\n---\n{origin}"
    if (pull["head"]["repo"] or {}).get("full_name") != api.repository():  # of a fork that was deleted, GitHub has none
        theirs = defused(text.replace(MARKER, "")[: api.MAX_BODY_CHARS // 2])
        body = f"{MARKER}\n{FORK}\n\n{origin}\n---\n\n{theirs}"[: api.MAX_BODY_CHARS]
    api.comment(pull["number"], MARKER, body)


def _page(artifact: dict[str, Any] | None) -> str:
    """Return the page in the reports of a run; one that is too large is not downloaded."""
    if not artifact:
        return page(None, None)
    if artifact["size_in_bytes"] > MAX_ARTIFACT_BYTES:
        size = TOO_LARGE.format(size=artifact["size_in_bytes"], limit=MAX_ARTIFACT_BYTES)
        return f"{MARKER}\n\n## ❌ There is no model to review\n\n{size}\n"
    reports = artifacts.read(artifact["id"], ("review.md", "validation.json"))
    return page(reports.get("review.md"), reports.get("validation.json"))


@click.group()
def main() -> None:
    """Show the review of a change."""


@main.command(name="summary")
@click.argument("reports", type=click.Path(path_type=Path), default="reports")
def _summary(reports: Path) -> None:
    """Print the review in REPORTS; in a workflow, write it to the summary."""
    review, validation = reports / "review.md", reports / "validation.json"
    text = page(*(path.read_text(encoding="utf-8") if path.is_file() else None for path in (review, validation)))
    if not api.note("GITHUB_STEP_SUMMARY", text):
        click.echo(text)


@main.command(name="post")
def _post() -> None:
    """Post the review on the pull request that triggered this workflow."""
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event:
        raise ProjectError("not in a workflow: run `summary` to print the review")
    target = subject(files.read_json(Path(event)))
    if target:
        post(*target)
    click.echo(f"pull request {target[0]['number']}: the comment is up to date" if target else "no pull request found")
