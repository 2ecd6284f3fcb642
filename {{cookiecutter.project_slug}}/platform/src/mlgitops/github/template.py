"""Brings what the template has learned since this repository was made, as a pull request."""

import click

from ..common.process import run
from ..common.project import root
from ..store.git import git
from . import api

CRUFT = "cruft==2.16.0"
BRANCH = "template"
BODY = """What the template has changed since this repository was made from it, or was last updated.

Where it and this repository have changed the same lines, the file `*.rej` says what could not be taken over: take it
over by hand, and remove that file."""


@click.command()
def main() -> None:
    """Update this repository from its template, on a branch, and open its pull request."""
    if not (root() / ".cruft.json").is_file():
        click.echo("this repository was not made by `cruft create`: it has no template to be updated from")
        return
    # without a checkout, cruft would stay for ever at the tag that the project was made from
    run("uvx", CRUFT, "update", "--skip-apply-ask", "--checkout", "HEAD", cwd=root())
    if not git("status", "--porcelain"):
        click.echo("up to date with the template")
        return
    git("add", "--all")
    git("commit", "--quiet", "--no-verify", "-m", "Update from the template")
    git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
    click.echo(api.propose(BRANCH, "Update from the template", BODY))
