"""The command: compares the exported model with the champion on the same rows, and writes what comes of it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..common import files
from ..common.errors import ProjectError
from ..contract.params import Params
from ..model.scorer import Scorer, digest
from ..store.git import commit
from . import champion
from .pages import html, markdown
from .report import review

WRITTEN = ("review.json", "review.md", "review.html")


class NoReviewError(ProjectError):
    """There could be no review, which is neither of its verdicts."""

    exit_code = 2


def run(folder: Path, test: Path, reports: Path, asked: str | None = None) -> dict[str, Any]:
    """Review the model in *folder*, write the pages to *reports*, and return the review; *asked* as `champion.find`."""
    for name in WRITTEN:  # a review that fails leaves none behind that could be taken for its own
        files.remove(reports / name)
    params, checked = Params.load(Path("params.yaml")), reports / "validation.json"
    candidate = Scorer(folder), {"commit": commit(), "rows_sha256": digest(test)}
    with tempfile.TemporaryDirectory() as scratch:
        found = champion.find(asked, folder, Path(scratch) / "model")
        best = (Scorer(found[0]), found[1]) if found else None
        said = files.read_json(checked) if checked.is_file() else None
        answer = review(candidate, best, pd.read_parquet(test), params, said)
    pages = [json.dumps(answer, indent=2, ensure_ascii=False), markdown.page(answer), html.page(answer)]
    for name, page in zip(WRITTEN, pages, strict=True):
        files.write(reports / name, page)
    return answer


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.argument("test", type=click.Path(path_type=Path, exists=True, dir_okay=False), default="data/test.parquet")
@click.argument("reports", type=click.Path(path_type=Path, file_okay=False), default="reports")
@click.option(
    "--champion",
    "asked",
    metavar="MODEL",
    help="What to compare with: a folder, git:REVISION, or a version or alias of the registry. Default: its champion.",
)
def main(folder: Path, test: Path, reports: Path, asked: str | None) -> None:
    """Compare the model in FOLDER with the champion on the rows of TEST, and write the review to REPORTS.

    The exit code is the verdict: 0 accepted, 1 refused; 2 where there could be no review.
    """
    try:
        answer = run(folder, test, reports, asked)
    except ProjectError as error:
        raise NoReviewError(error.message) from error
    click.echo(f"{markdown.summary(answer)}\nlook at {reports / 'review.html'}")
    click.get_current_context().exit(0 if answer["accepted"] else 1)
