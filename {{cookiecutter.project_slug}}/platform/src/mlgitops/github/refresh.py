"""Reads the data again by schedule, and keeps it only if enough has changed for a training."""

import sys
import time
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..common.process import run
from ..contract.params import Params, Retrain
from ..data.reading import IngestReport
from ..store.git import git
from . import api

REPORT = Path("reports/ingest.json")
DAY_SECONDS = 86_400


def due(settings: Retrain, added: int | None, age_days: float | None) -> str:
    """Return why a training is worth it, or "" if it is not.

    *added* is the number of new rows, None where the number before is unknown; *age_days* is None without a release.
    """
    if settings.rows is None and settings.days is None:
        return "any change of the data is enough"
    if settings.rows is not None and (added is None or added >= settings.rows):
        return "the number of rows before is unknown" if added is None else f"{added:,} new rows"
    if settings.days is not None and (age_days is None or age_days >= settings.days):
        return "there is no released model" if age_days is None else f"the model is {age_days:.0f} days old"
    return ""


def age_days(now: float) -> float | None:
    """Return the age of the newest released model in days, or None if there is none."""
    api.fetch()
    created = git(
        "for-each-ref", "--sort=-creatordate", "--count=1", "--format=%(creatordate:unix)", "refs/tags/model/"
    )
    return (now - int(created)) / DAY_SECONDS if created else None


def _rows() -> int | None:
    return IngestReport.load(REPORT).rows if REPORT.is_file() else None


def _dvc(*words: str) -> None:
    run(sys.executable, "-m", "dvc", *words)


@click.command()
def main() -> None:
    """Read the source of the data again; restore the data if too little has changed (params.yaml: retrain)."""
    settings = Params.load(Path("params.yaml")).retrain
    try:
        _dvc("pull", "--quiet", str(REPORT), "data/raw.parquet")  # the data before, to compare with and to restore
    except ProjectError:
        click.echo("the data before is not in the storage")
    before = _rows()
    _dvc("repro", "--quiet", "--force", "--single-item", "ingest")
    after = _rows() or 0
    reason = due(settings, None if before is None else after - before, age_days(time.time()))
    if reason:
        click.echo(f"{after:,} rows: {reason}")
        return
    git("checkout", "--quiet", "--", "dvc.lock")
    _dvc("checkout", "--quiet", "--force", str(REPORT), "data/raw.parquet")
    click.echo(
        f"{after:,} rows, {before:,} before: too few for a training (params.yaml: retrain), the data stays as it was"
    )
