"""Hyperparameter search with Optuna; an interrupted search continues where it stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from . import pipeline

COMPLETE, FAIL, RUNNING = TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """The settings of one trial, and the mean of the primary metric over the folds."""

    number: int
    settings: dict[str, float]
    score: float


def search(
    contract: Contract, params: Params, score: Callable[[Settings], float], storage: str, name: str
) -> tuple[dict[str, Any], list[Trial]]:
    """Return the best settings of the model, and all trials; larger scores are better.

    *storage* is the SQLAlchemy URL of the database that keeps the trials under *name*: several processes may share it.
    An interrupted search gives the same result as an uninterrupted one, because its seeds follow the number of finished
    trials. Raises ProjectError if the space names a setting or a value that the model does not accept.
    """
    _check(contract, params)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    while (done := len(_trials(study, COMPLETE))) < params.tune.trials:
        running = len(_trials(study, RUNNING))  # in other processes, which must not all try the same
        study.sampler = optuna.samplers.TPESampler(seed=params.train.random_state + done + running)
        trial = study.ask()
        try:
            study.tell(trial, score(params.model | _suggest(trial, params)))
        except BaseException:
            study.tell(trial, state=FAIL)
            raise
    finished = _trials(study, COMPLETE)[: params.tune.trials]
    best = max(finished, key=lambda trial: trial.value)
    return params.model | best.params, [Trial(n, trial.params, trial.value) for n, trial in enumerate(finished)]


def _trials(study: optuna.Study, state: TrialState) -> list[Any]:
    return study.get_trials(deepcopy=False, states=[state])


def _check(contract: Contract, params: Params) -> None:
    """Raise ProjectError if the space names a setting or a value that the model does not accept."""
    for name, (low, high) in params.tune.space.items():
        if low > high:
            place = pipeline.setting(name, "tune.space")
            raise ProjectError(f"{place}the lowest value, {low:g}, is larger than the highest, {high:g}")
        for end in (low, high):
            pipeline.build(contract, params.model | {name: end}, "tune.space")


def _suggest(trial: optuna.Trial, params: Params) -> dict[str, float]:
    settings: dict[str, float] = {}
    for name, (low, high) in params.tune.space.items():
        log_scale = low > 0 and high / low >= 10
        if isinstance(low, int) and isinstance(high, int):
            settings[name] = trial.suggest_int(name, low, high, log=log_scale)
        else:
            settings[name] = trial.suggest_float(name, low, high, log=log_scale)
    return settings
