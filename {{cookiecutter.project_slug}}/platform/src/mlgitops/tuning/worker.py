"""A process of a search: it takes trials from the shared study until the budget is used up."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import optuna
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits

from ..contract.contract import Contract
from ..model import parallel
from ..model.cross_validation import Prepared, of_fold, scored
from . import study as studies
from .space import Space, suggest

MIN_TRIALS = 5  # of which one must succeed


@dataclass(frozen=True)
class Job:
    """What a search needs: the rows with their features, the space, the study, and the budget."""

    contract: Contract
    prepared: Prepared
    spaces: Mapping[str, Space]
    storage: str
    name: str
    seed: int
    trials: int | None = None
    until: float | None = None  # seconds since 1970

    def open_study(self) -> optuna.Study:
        """Return the study of the search."""
        return studies.open_study(self.storage, self.name, self.seed)

    def is_over(self, study: optuna.Study) -> bool:
        """Return whether the budget is used up, or no trial succeeds."""
        if self.is_late():
            return True
        trials = studies.finished(study)
        hopeless = len(trials) >= MIN_TRIALS and all(trial.state == TrialState.FAIL for trial in trials)
        return hopeless or (self.trials is not None and len(trials) >= self.trials)

    def is_late(self) -> bool:
        """Return whether the time is used up."""
        return self.until is not None and time.time() >= self.until


def process(pid: int) -> str:
    """Return the name of a process of this machine."""
    return f"{socket.gethostname()}:{pid}"


def work(job: Job) -> None:
    """Try settings until the budget is used up; a failure of some settings is a trial that failed."""
    os.environ[parallel.VARIABLE] = "1"
    study = job.open_study()
    with threadpool_limits(1):
        while not job.is_over(study):
            study.optimize(partial(objective, job), n_trials=1, catch=(Exception,))


def objective(job: Job, trial: optuna.Trial) -> float:
    """Return the mean of the primary metric over the folds; a trial below the median of the others stops early."""
    trial.set_user_attr(studies.PROCESS, process(os.getpid()))
    settings = suggest(trial, job.spaces)
    trial.set_user_attr(studies.SETTINGS, settings)
    scores: list[float] = []
    folds, last = [], len(job.prepared.folds) - 1
    for step, fold in enumerate(job.prepared.folds):
        try:
            folds.append(of_fold((job.contract, job.prepared), (settings, fold)))
        except Exception as error:  # estimators raise whatever they want
            trial.set_user_attr(studies.ERROR, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
            raise
        if result := folds[-1]:
            scores.append(result.score)
            trial.set_user_attr(studies.FOLDS, scores)
            trial.report(float(np.mean(scores)), step)
            if step < last and (trial.should_prune() or job.is_late()):
                raise optuna.TrialPruned
    scored(folds)
    return float(np.mean(scores))
