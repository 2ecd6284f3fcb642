"""Runs the processes of a search, shows how it goes, and returns its trials."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import click
import optuna

from ..common.errors import ProjectError
from . import study as studies
from .worker import Job, process, work

SHOW_SECONDS = 15


def search(job: Job, workers: int) -> tuple[studies.Trial, ...]:
    """Try settings in several processes; return all trials of the study, those of earlier runs included.

    A process that is killed costs its trial alone. Raises ProjectError if all of them die, or if no trial is complete.
    """
    study = job.open_study()
    while not job.is_over(study):
        before = len(studies.finished(study))
        _run(job, study, workers)
        if not job.is_over(study) and len(studies.finished(study)) == before:
            raise ProjectError("every process of the search has ended: see the messages above; run it again to go on")
    trials = studies.records(study)
    if not any(trial.state == "complete" for trial in trials):
        reasons = [trial.error for trial in trials if trial.error]
        hint = reasons[-1] if reasons else "raise MINUTES=: the time ended before the first was done"
        raise ProjectError(f"none of {len(trials)} trials is complete: {hint}")
    return trials


def _run(job: Job, study: optuna.Study, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    remaining = workers if job.trials is None else min(workers, job.trials - len(studies.finished(study)))
    processes = [context.Process(target=work, args=(job,)) for _ in range(remaining)]
    for worker in processes:
        worker.start()
    try:
        _watch(study, processes)
    except BaseException:
        for worker in processes:
            worker.terminate()
        raise
    finally:
        for worker in processes:
            worker.join()
        studies.close_abandoned(study, frozenset(process(worker.pid or 0) for worker in processes))


def _watch(study: optuna.Study, processes: Sequence[SpawnProcess]) -> None:
    """Show the best trial now and then, until all processes have ended, and how those did that were killed."""
    alive, shown, best = list(processes), time.monotonic(), float("-inf")
    while alive:
        wait([worker.sentinel for worker in alive], SHOW_SECONDS)
        for worker in [worker for worker in alive if not worker.is_alive()]:
            alive.remove(worker)
            if worker.exitcode:
                click.secho(f"Warning: {_ended(worker)}; its trial is lost", fg="yellow", err=True)
        trials = studies.records(study)
        leader = max((t for t in trials if t.score is not None), key=lambda t: t.score or 0, default=None)
        if leader and leader.score is not None and (leader.score > best or time.monotonic() - shown > SHOW_SECONDS):
            shown, best = time.monotonic(), leader.score
            click.echo(f"  {len(trials)} trials, best {leader.score:.4f}: {describe(leader.settings)}")


def _ended(worker: SpawnProcess) -> str:
    code = worker.exitcode or 0
    if code < 0:
        return f"process {worker.pid} was killed by signal {-code} (9: perhaps for lack of memory; use fewer WORKERS=)"
    return f"process {worker.pid} failed"


def describe(settings: dict[str, object]) -> str:
    """Return settings in words."""
    return " ".join(str(v) if k == "algorithm" else f"{k}={v}" for k, v in settings.items() if k != "random_state")
