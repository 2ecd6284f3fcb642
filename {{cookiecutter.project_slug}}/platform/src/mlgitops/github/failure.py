"""Reports the failure of a scheduled run in one issue."""

import os

import click

from . import api

BODY = """{marker}
{subject} has failed{where}.

The log names the cause. Rows that break the contract have the reason in the column `error` of the result, and the
others their predictions. Any other failure leaves the result as it was, or in a database what is complete: remove the
cause, and repeat the run, which continues there. Then close this issue; the next failure opens another one."""


@click.command()
@click.argument("workflow")
def main(workflow: str) -> None:
    """Open the issue that WORKFLOW has failed, or update the open one."""
    identifier, name = os.environ.get("GITHUB_RUN_ID"), os.environ.get("RUN_NAME")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    where = f": run {name}, see the log of its job" if name else ""
    if identifier:
        where = f": [log]({server}/{api.repository()}/actions/runs/{identifier})"
    subject = f"The scheduled run of `{workflow}`"
    marker = f"<!-- failure of {workflow} -->"
    text = BODY.format(marker=marker, subject=subject, where=where)
    url, before = api.issue(marker, f"{workflow} has failed", text)
    click.echo(f"{url}: {'opened' if before is None else 'updated'}")
