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
from ..monitoring.report import Drift
from ..store.git import commit
from . import champion, data, recent
from .build import build
from .inputs import Context, Model
from .pages import html, markdown
from .report import Report, Source

OUTPUTS = ("review.json", "review.md", "review.html")


class NoReviewError(ProjectError):
    """The review could not be done, which is neither of its verdicts."""

    exit_code = 2


def run(folder: Path, test: Path, reports: Path, requested: str | None = None, train: Path | None = None) -> Report:
    """Review the model in *folder* and write the report to *reports*; *requested* is as in `champion.find`."""
    for name in OUTPUTS:  # a review that fails must not leave an older report behind
        files.remove(reports / name)
    params, checked = Params.load(Path("params.yaml")), reports / "validation.json"
    validation = ValidationReport.load(checked) if checked.is_file() else None
    scorer = Scorer(folder)
    source = Source("candidate", commit=commit(), run_id=champion.run_of(scorer))
    candidate, rows = _model(scorer, source), pd.read_parquet(test)
    with tempfile.TemporaryDirectory() as scratch:
        best = champion.find(requested, folder, Path(scratch) / "model")
        other = _model(Scorer(best[0]), best[1]) if best else None
        tables = ({"train": train} if train and train.is_file() else {}) | {"test": test}
        compared = data.compare(other, candidate, tables, rows) if other else data.Comparison(None)
        known = rows if compared.unseen is None else compared.unseen
        newest = recent.rows(scorer.contract, params, train, known)
        context = Context(compared.change, compared.unseen, _drift(reports / "drift.json"), newest, compared.learned)
        report = build(candidate, other, rows, params, validation, digest(test), context)
    report.save(reports / "review.json")
    files.write(reports / "review.md", markdown.page(report))
    files.write(reports / "review.html", html.page(report))
    return report


def _drift(path: Path) -> Drift | None:
    """Return what `monitor` wrote last; None without it, or where another release of the platform wrote it."""
    try:
        return Drift.load(path) if path.is_file() else None
    except ProjectError:
        return None


def _model(scorer: Scorer, source: Source) -> Model:
    evaluated = Scorer(scorer.folder, evaluated=True) if scorer.manifest.get("refit") else None
    return Model(scorer, source, data.profile_of(scorer), evaluated)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.argument("test", type=click.Path(path_type=Path, exists=True, dir_okay=False), default="data/test.parquet")
@click.argument("reports", type=click.Path(path_type=Path, file_okay=False), default="reports")
@click.option(
    "--champion",
    "requested",
    metavar="MODEL",
    help="What to compare with: a folder, git:REVISION, or a version or alias of the registry. Default: its champion, "
    "or its newest version where there is none.",
)
@click.option(
    "--train",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/train.parquet",
    show_default=True,
    help="The train part, to compare it with that of the champion.",
)
def main(folder: Path, test: Path, reports: Path, requested: str | None, train: Path) -> None:
    """Compare the model in FOLDER with the champion on the rows of TEST, and write the review to REPORTS.

    The exit code is the verdict: 0 accepted, 1 refused; 2 if the review could not be done.
    """
    try:
        report = run(folder, test, reports, requested, train)
    except ProjectError as error:
        raise NoReviewError(error.message) from error
    click.echo(f"{markdown.summary(report)}\nlook at {reports / 'review.html'}")
    click.get_current_context().exit(0 if report.accepted else 1)
