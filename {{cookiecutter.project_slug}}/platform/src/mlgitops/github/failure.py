"""Reports the failure of a scheduled run in one issue."""

import os

import click

from ..common.provenance import workflow as url_of_run
from . import api

BODY = """{marker}
The scheduled run of `{workflow}` has failed{where}.

The log names the cause. Rows that break the contract have the reason in the column `error` of the result, and the
others their predictions. Any other failure leaves the result as it was, or in a database what is complete: remove the
cause, and repeat the run, which continues there. Then close this issue; the next failure opens another one."""


@click.command()
@click.argument("workflow")
def main(workflow: str) -> None:
    """Open the issue that WORKFLOW has failed, or update the open one."""
    log, name = url_of_run(), os.environ.get("RUN_NAME")
    where = f": [log]({log})" if log else f": run {name}, see the log of its job" if name else ""
    marker = f"<!-- failure of {workflow} -->"
    text = BODY.format(marker=marker, workflow=workflow, where=where)
    url, before = api.issue(marker, f"{workflow} has failed", text)
    click.echo(f"{url}: {'opened' if before is None else 'updated'}")
