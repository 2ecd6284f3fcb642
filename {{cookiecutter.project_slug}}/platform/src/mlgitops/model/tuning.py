"""Hyperparameter search with Optuna; a search that was stopped continues where it was."""

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
    """One setting that was tried, with the mean of the primary metric over the folds."""

    number: int
    settings: dict[str, float]
    score: float


def search(
    contract: Contract, params: Params, score: Callable[[Settings], float], storage: str, name: str
) -> tuple[dict[str, Any], list[Trial]]:
    """Return the best settings of the model and every trial; larger scores are better.

    *storage* is the SQLAlchemy URL of the database that keeps the trials under *name*: several processes may share it.
    A search that was stopped, by an error or by its user, ends like one that was not: its seeds follow the finished
    trials. Raises ProjectError where the space names a setting or a value that the model does not take.
    """
    _check(contract, params)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    while (done := len(_trials(study, COMPLETE))) < params.tune.trials:
        others = len(_trials(study, RUNNING))  # at work now: they must not all try the same
        study.sampler = optuna.samplers.TPESampler(seed=params.train.random_state + done + others)
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
    """Raise ProjectError when the space names what the model does not have, or values that it does not take."""
    for name, (low, high) in params.tune.space.items():
        if low > high:
            where = pipeline.setting(name, "tune.space")
            raise ProjectError(f"{where}the lowest value, {low:g}, is larger than the highest, {high:g}")
        for end in (low, high):
            pipeline.build(contract, params.model | {name: end}, "tune.space")


def _suggest(trial: optuna.Trial, params: Params) -> dict[str, float]:
    settings: dict[str, float] = {}
    for name, (low, high) in params.tune.space.items():
        wide = low > 0 and high / low >= 10
        if isinstance(low, int) and isinstance(high, int):
            settings[name] = trial.suggest_int(name, low, high, log=wide)
        else:
            settings[name] = trial.suggest_float(name, low, high, log=wide)
    return settings
