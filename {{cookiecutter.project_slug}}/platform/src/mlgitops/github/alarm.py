"""Turns an alarm into one issue with evidence and choices, a message to a webhook, and a training on new data."""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..contract.params import Params
from ..monitoring.alarm import Alarm
from . import api, going_back

MARKER = "<!-- alarm of production -->"
SECONDS = 10  # for the webhook to answer
CHOICES = """### Choices

| choice | when | how |
| --- | --- | --- |
| wait | the reason is known and passes | close this issue; the next alarm opens another one |
| retrain | the world has changed | the workflow `train` with new data; an accepted model is a pull request |
| roll back | {back} | `make rollback`, or the workflow `promote` with the version `previous` |
| fix the data | a column is broken or was renamed | fix the source, or contract.yaml, then run `train` |
"""


def subject(alarm: Alarm) -> str:
    """Return the line of the issue that names the version that the alarm is about."""
    return f"Version {alarm.version or 'unknown'} of the model of `{alarm.target}`:"


def body(alarm: Alarm, back: going_back.GoingBack | None = None) -> str:
    """Return the text of the issue; *back* is what a rollback leads to."""
    reasons = "\n".join(f"- {reason}" for reason in alarm.reasons)
    parts = [MARKER, subject(alarm), reasons]
    if alarm.periods:
        header = "| period | version | predictions | with outcome | metric (95 %) | verdict |\n|" + " --- |" * 6
        rows = ["| " + " | ".join(value.replace("|", "\\|") for value in period) + " |" for period in alarm.periods]
        parts.append("\n".join(["### Evidence\n", header, *rows]))
    if alarm.explanations:
        parts.append("### Possible explanations\n\n" + "\n".join(f"- {line}" for line in alarm.explanations))
    return "\n\n".join([*parts, CHOICES.format(back=back.sentence if back else "the previous version was better")])


def notify(address: str, alarm: Alarm, issue: str) -> None:
    """Send the alarm to a webhook as JSON with `text`, which chat services show; errors never name the URL."""
    if not address.startswith("https://"):
        raise ProjectError("ALARM_WEBHOOK: not an https:// address: correct or remove the secret")
    content = json.dumps({"text": f"{alarm.sentence} {issue}", "reasons": alarm.reasons, "issue": issue}).encode()
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})  # noqa: S310 (https alone)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            pass
    except (OSError, ValueError) as error:
        status = f" (status {error.code})" if isinstance(error, urllib.error.HTTPError) else ""
        raise ProjectError(f"ALARM_WEBHOOK: the address did not accept the alarm{status}: correct the secret") from None


@click.command()
@click.argument("report", type=click.Path(path_type=Path), default="reports/alarm.json")
def main(report: Path) -> None:
    """Open an issue about the alarm in REPORT, or update the open one; a new alarm also starts `train` on new data.

    Soon after a deployment, it also starts the rollback, if monitor.roll_back_days of params.yaml says so: once for
    each version that an issue is about.
    In a workflow, the variable ALARM has the report, from the job before.
    """
    content = os.environ.get("ALARM")
    if not content and not report.is_file():
        raise ProjectError(f"{report}: no such file: run `make alarm` first")
    alarm = Alarm.parse(content, "ALARM") if content else Alarm.load(report)
    if not alarm.reasons:
        click.echo(alarm.sentence)
        return
    back = going_back.find(alarm.version)
    url, before = api.issue(MARKER, f"Alarm: the model of {alarm.target} in production", body(alarm, back))
    click.echo(f"{url}: {'opened' if before is None else 'updated'}")
    if before is None:
        inputs = {"refresh": "true", "because": f"alarm: {url}"}
        api.api("/actions/workflows/train.yml/dispatches", "POST", {"ref": api.DEFAULT, "inputs": inputs})
        click.echo("train: started on new data")
    if back and (before is None or subject(alarm) not in before) and _due(back):
        going_back.start(f"alarm: {url}")
        click.echo(f"promote: started, to go back from version {back.version} to {back.before}")
    if address := os.environ.get("ALARM_WEBHOOK"):
        notify(address, alarm, url)


def _due(back: going_back.GoingBack) -> bool:
    return back.due(datetime.now(UTC), Params.load(Path("params.yaml")).monitor.roll_back_days)
