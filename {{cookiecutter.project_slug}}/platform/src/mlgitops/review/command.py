"""The command: compares the exported model with the champion on the same rows, and writes the report and its pages."""

import tempfile
from pathlib import Path

import click
import pandas as pd

from ..common import files
from ..common.errors import ProjectError
from ..contract.params import Params
from ..data.validation_report import ValidationReport
from ..model.scorer import Scorer, digest
from ..store.git import commit
from . import champion
from .build import Model, build
from .pages import html, markdown
from .report import Report, Source

OUTPUTS = ("review.json", "review.md", "review.html")


class NoReviewError(ProjectError):
    """The review could not be done, which is neither of its verdicts."""

    exit_code = 2


def run(folder: Path, test: Path, reports: Path, requested: str | None = None) -> Report:
    """Review the model in *folder* and write the report to *reports*; *requested* is as in `champion.find`."""
    for name in OUTPUTS:  # a review that fails must not leave an older report behind
        files.remove(reports / name)
    params, checked = Params.load(Path("params.yaml")), reports / "validation.json"
    validation = ValidationReport.load(checked) if checked.is_file() else None
    candidate = Model(Scorer(folder), Source("candidate", commit=commit()))
    with tempfile.TemporaryDirectory() as scratch:
        best = champion.find(requested, folder, Path(scratch) / "model")
        other = Model(Scorer(best[0]), best[1]) if best else None
        report = build(candidate, other, pd.read_parquet(test), params, validation, digest(test))
    report.save(reports / "review.json")
    files.write(reports / "review.md", markdown.page(report))
    files.write(reports / "review.html", html.page(report))
    return report


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.argument("test", type=click.Path(path_type=Path, exists=True, dir_okay=False), default="data/test.parquet")
@click.argument("reports", type=click.Path(path_type=Path, file_okay=False), default="reports")
@click.option(
    "--champion",
    "requested",
    metavar="MODEL",
    help="What to compare with: a folder, git:REVISION, or a version or alias of the registry. Default: its champion.",
)
def main(folder: Path, test: Path, reports: Path, requested: str | None) -> None:
    """Compare the model in FOLDER with the champion on the rows of TEST, and write the review to REPORTS.

    The exit code is the verdict: 0 accepted, 1 refused; 2 if the review could not be done.
    """
    try:
        report = run(folder, test, reports, requested)
    except ProjectError as error:
        raise NoReviewError(error.message) from error
    click.echo(f"{markdown.summary(report)}\nlook at {reports / 'review.html'}")
    click.get_current_context().exit(0 if report.accepted else 1)
