"""Shows a reviewer what the model of a pull request does: one comment, kept up to date, and the workflow's summary.

The comment is made where no code of the pull request runs: what its run of `train` has left is read as data.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from .. import files, findings
from ..config import ProjectError
from ..review.markdown_page import MARKER
from . import hub

ZERO_WIDTH = "\u200b"
FORK = (
    "> This comes from another repository: its own code has made this page. Read the changes of code first. "
    "Nothing of it was pushed, registered or given a secret."
)


def page(reports: Path) -> str:
    """Return what to show: the review, or what the data broke, or that there is neither."""
    review, validation = reports / "review.md", reports / "validation.json"
    if review.is_file():
        return review.read_text(encoding="utf-8", errors="replace")
    found = files.read_json(validation) if validation.is_file() else {"success": True}
    if not found["success"]:
        said = findings.explain(found).replace("```", "'''")
        return f"{MARKER}\n\n## ❌ The data breaks the contract: nothing was trained\n\n```text\n{said}\n```\n"
    return f"{MARKER}\n\n## ❌ There is no model to review\n\nThe run failed before there was one: its log says why.\n"


def for_pull_request(run: dict[str, Any], reports: Path) -> int | None:
    """Write or change the comment for a run of `train`; return the pull request's number, None where there is none.

    Which one it is, GitHub says: nothing in *reports* is believed about that.
    """
    source = run["head_repository"]["full_name"]
    head = quote(f"{source.partition('/')[0]}:{run['head_branch']}")
    pulls = [p for p in hub.api(f"/pulls?state=open&head={head}") if p["head"]["sha"] == run["head_sha"]]
    if not pulls:
        return None
    fork, text = source != hub.repository(), page(reports)
    if fork:
        text = f"{MARKER}\n{FORK}\n\n{text.replace('@', '@' + ZERO_WIDTH)}"
    foot = f"\n---\n[the run]({run['html_url']}) · {_links(run)}commit {run['head_sha'][:10]}\n"
    hub.comment(pulls[0]["number"], MARKER, text[: hub.BODY - len(foot)] + foot)
    return int(pulls[0]["number"])


def _links(run: dict[str, Any]) -> str:
    found = hub.api(f"/actions/runs/{run['id']}/artifacts")["artifacts"]
    return "".join(f"[{one['name']}]({run['html_url']}/artifacts/{one['id']}) · " for one in found)


@click.group()
def main() -> None:
    """Show what the model of a change does."""


@main.command(name="summary")
@click.argument("reports", type=click.Path(path_type=Path), default="reports")
def _summary(reports: Path) -> None:
    """Print the page about what is in REPORTS; inside a workflow, to its summary."""
    text = page(reports)
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(text)
    else:
        click.echo(text)


@main.command(name="post")
@click.argument("reports", type=click.Path(path_type=Path), default="reports")
def _post(reports: Path) -> None:
    """Comment on the pull request of the workflow run that this one follows, with what it left in REPORTS."""
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event:
        raise ProjectError("this is no workflow: `summary` prints the page")
    run = json.loads(Path(event).read_text(encoding="utf-8"))["workflow_run"]
    number = for_pull_request(run, reports)
    click.echo(f"pull request {number}: the comment is up to date" if number else "no pull request is at that commit")


if __name__ == "__main__":
    main()
