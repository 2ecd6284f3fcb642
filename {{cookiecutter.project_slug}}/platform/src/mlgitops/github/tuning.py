"""Opens the pull request of a search for settings: the commit that `make tune` has made."""

from pathlib import Path

import click

from ..common.errors import ProjectError
from ..store.git import git
from ..tuning.commit import BRANCH
from ..tuning.evidence import Evidence
from . import api
from .write_back import because

REPORT = Path("reports/tuning.json")


@click.command()
def main() -> None:
    """Push the branch tune, and open its pull request or update the open one."""
    if not REPORT.is_file():
        raise ProjectError(f"{REPORT.as_posix()} is missing: run `make tune` first")
    evidence = Evidence.load(REPORT)
    if not evidence.proposed:
        click.echo(f"no pull request: {evidence.verdict()}")
        return
    git("push", "--quiet", "--force", "origin", f"{evidence.proposed}:refs/heads/{BRANCH}")
    text = "Merging this pull request changes params.yaml. Its check `train` trains the model, and reviews it."
    click.echo(api.propose(BRANCH, evidence.title, f"{text}{because()}\n\n{evidence.markdown()}"))
