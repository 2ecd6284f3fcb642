"""Automated search: tries settings of the algorithm with Optuna; a search that was stopped goes on where it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState
from pydantic import ValidationError

from .config import ProjectError
from .settings import Train

COMPLETE, FAIL, RUNNING = TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING


@dataclass(frozen=True)
class Trial:
    """One setting that was tried, with the mean of the primary metric over the folds."""

    number: int
    settings: dict[str, float]
    score: float


def search(params: Train, score: Callable[[Train], float], storage: str, name: str) -> tuple[Train, list[Trial]]:
    """Return the best settings and every trial; larger scores are better.

    *storage* is the SQLAlchemy URL of the database that keeps the trials under *name*: several processes may share it.
    A search that was stopped, by an error or by its user, ends like one that was not: its seeds follow the finished
    trials.
    """
    _check(params)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    while (done := len(_trials(study, COMPLETE))) < params.search.trials:
        others = len(_trials(study, RUNNING))  # at work now: they must not all try the same
        study.sampler = optuna.samplers.TPESampler(seed=params.seed + done + others)
        trial = study.ask()
        try:
            study.tell(trial, score(_apply(params, _suggest(trial, params))))
        except BaseException:
            study.tell(trial, state=FAIL)
            raise
    finished = _trials(study, COMPLETE)[: params.search.trials]
    best = max(finished, key=lambda trial: trial.value)
    return _apply(params, best.params), [Trial(n, trial.params, trial.value) for n, trial in enumerate(finished)]


def _trials(study: optuna.Study, state: TrialState) -> list[Any]:
    return study.get_trials(deepcopy=False, states=[state])


def _check(params: Train) -> None:
    """Raise ProjectError when the space names what the algorithm does not have, or values that it does not take."""
    section = getattr(params, params.algorithm)
    for name, (low, high) in params.search.space.items():
        where = f"params.yaml: train.search.space.{name}"
        if name not in type(section).model_fields:
            known = ", ".join(type(section).model_fields)
            raise ProjectError(f"{where}: {params.algorithm} has no such setting; it has {known}")
        if low > high:
            raise ProjectError(f"{where}: the lowest value, {low:g}, is larger than the highest, {high:g}")
        for end in (low, high):
            try:
                type(section).model_validate({**section.model_dump(), name: end})
            except ValidationError as error:
                raise ProjectError(f"{where}: {end:g}: {error.errors()[0]['msg']}") from error


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
