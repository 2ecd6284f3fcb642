"""Automated search: tries settings of the algorithm with Optuna; a search that was stopped goes on where it was."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import optuna

from .settings import Train


@dataclass(frozen=True)
class Trial:
    """One setting that was tried, with the mean of the primary metric over the folds."""

    number: int
    settings: dict[str, float]
    score: float


def search(params: Train, score: Callable[[Train], float], storage: str, name: str) -> tuple[Train, list[Trial]]:
    """Return the best settings and every trial; larger scores are better.

    *storage* is the SQLAlchemy URL of the database that keeps the trials under *name*: several processes may share it.
    The sampler is seeded by the number of finished trials, so that an interrupted search ends like one that was not.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    for trial in _left_running(study):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    while (done := len(_finished(study))) < params.search.trials:
        study.sampler = optuna.samplers.TPESampler(seed=params.seed + done)
        trial = study.ask()
        study.tell(trial, score(_apply(params, _suggest(trial, params))))
    finished = _finished(study)[: params.search.trials]
    best = max(finished, key=lambda trial: trial.value)
    return _apply(params, best.params), [Trial(n, trial.params, trial.value) for n, trial in enumerate(finished)]


def _finished(study: optuna.Study) -> list[Any]:
    return study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])


def _left_running(study: optuna.Study) -> Iterator[Any]:
    yield from study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING])


def _suggest(trial: optuna.Trial, params: Train) -> dict[str, float]:
    current = getattr(params, params.algorithm)
    found: dict[str, float] = {}
    for name, (low, high) in params.search.space.items():
        wide = low > 0 and high / low >= 10
        if isinstance(getattr(current, name), int):
            found[name] = trial.suggest_int(name, round(low), round(high), log=wide)
        else:
            found[name] = trial.suggest_float(name, low, high, log=wide)
    return found


def _apply(params: Train, settings: dict[str, float]) -> Train:
    section = getattr(params, params.algorithm)
    return params.model_copy(update={params.algorithm: section.model_copy(update=settings)})
