"""The command tune: searches over algorithms and their settings, and proposes the winner as a commit."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import filelock
import pandas as pd
from threadpoolctl import threadpool_limits

from ..common import project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import window
from ..model import metrics, parallel, tracking
from ..model.cross_validation import prepare
from ..model.rehearsal import rehearse
from ..model.scorer import digest
from ..store.git import commit as current_commit
from ..store.paths import store
from . import space, study
from .confirm import compare
from .evidence import Evidence
from .proposal import PARAMS, propose
from .record import record
from .search import describe, search
from .worker import Job

MINUTES = 10.0  # without a budget
TRAIN = Path("data/train.parquet")


@click.command()
@click.option("--trials", type=click.IntRange(min=1), help="Number of settings to try, with those of earlier runs.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Duration of this run; default: 10.")
def main(trials: int | None, minutes: float | None) -> None:
    """Search over the settings in tune.space of params.yaml by cross-validation on the train part.

    If the best ones are better than those in params.yaml beyond noise, they are a commit on the branch tune.
    """
    started, workers = time.time(), parallel.processes()
    contract, params = Contract.of_project(), Params.load(PARAMS)
    spaces = space.spaces(params)
    space.check(contract, spaces)
    if not TRAIN.is_file():
        raise ProjectError(f"{TRAIN.as_posix()} is missing: run `make pipeline` first")
    tracking.check()
    with _storage() as storage, threadpool_limits(1):
        rows = window.learned([TRAIN], contract, params.train.window)
        prepared = prepare(contract, params.train, rows)
        for entry in spaces.values():
            rehearse(contract, entry.base, prepared.inputs, prepared.truth, params.export)
        seed, until = params.train.random_state, _until(trials, minutes)
        job = Job(contract, prepared, spaces, storage, _name(contract, params), seed, trials, until)
        _start(job, params, exclusive=storage.startswith("sqlite"))
        click.echo(f"tuning {', '.join(spaces)}: {len(rows):,} rows, {len(prepared.folds)} folds, {workers} processes")
        evidence = _evidence(job, params, rows, workers, search(job, workers))
    evidence = replace(evidence, seconds=round(time.time() - started, 1))
    click.echo(f"{evidence.verdict()} Recorded as {_recorded(evidence, job.name)}.")
    click.echo(propose(evidence))


def _until(trials: int | None, minutes: float | None) -> float | None:
    """Return when the search ends; None if the number of trials alone ends it."""
    return time.time() + 60 * (minutes or MINUTES) if minutes or not trials else None


def _evidence(job: Job, params: Params, rows: pd.DataFrame, workers: int, trials: tuple[study.Trial, ...]) -> Evidence:
    best = max((t for t in trials if t.score is not None), key=lambda t: (t.score or 0.0, -t.number))
    click.echo(f"best of {len(trials)} trials: {describe(best.settings)}; comparing it with the current settings")
    same = best.settings == params.model
    return Evidence(
        metric=metrics.name(job.contract),
        rows=len(rows),
        folds=len(job.prepared.folds),
        seconds=0,
        workers=workers,
        commit=current_commit(),
        train_sha256=digest(TRAIN),
        current=params.model,
        best=best,
        comparison=None if same else compare(job.contract, params, rows, best.settings),
        trials=trials,
    )


@contextmanager
def _storage() -> Iterator[str]:
    """Yield the address of the database; no other search of this project may use its own file at the same time."""
    if shared := os.environ.get("OPTUNA_STORAGE"):
        yield shared
        return
    lock = filelock.FileLock(store() / "tuning.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise ProjectError("another `make tune` of this project is running") from error
    try:
        yield f"sqlite:///{store() / 'tuning.db'}"
    finally:
        lock.release()


def _start(job: Job, params: Params, exclusive: bool) -> None:
    """Start a study with the current settings as its first trial, or go on with one that was interrupted."""
    opened = job.open_study()
    if exclusive:
        study.close_abandoned(opened)  # of a run that was killed: no other is running
    settings = space.current(params, job.spaces)
    if not opened.get_trials(deepcopy=False) and settings:
        opened.enqueue_trial(settings)
    elif done := len(study.finished(opened)):
        click.echo(f"going on after {done} trials")


def _name(contract: Contract, params: Params) -> str:
    """Return a name for the study, derived from everything that its scores depend on."""
    code = [digest(project.root() / project.file(name)) for name in (project.FEATURES, project.MODEL)]
    settings = params.model_dump_json(include={"model", "train", "tune"})
    parts = [contract.model_dump_json(), settings, *code, digest(TRAIN)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _recorded(evidence: Evidence, name: str) -> str:
    """Record the search; a server that fails after it must not cost its result."""
    try:
        return f"run {record(evidence, name)}"
    except tracking.RecordError as error:
        click.secho(f"Warning: {error.message}", fg="yellow", err=True)
        return "no run"
