"""The study of a search in a database, which several processes share and which outlives them."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import sqlalchemy.exc
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..common.errors import ProjectError
from ..data.database_url import hide, secrets

HEARTBEAT_SECONDS, GRACE_SECONDS = 15, 60  # a trial without a sign of life for so long has lost its process
ATTEMPTS = 5  # to make the tables of an empty database: others may do it at the same moment
ERROR, FOLDS, PROCESS, SETTINGS = "error", "folds", "process", "settings"  # attributes of a trial
UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, the primary metric of its folds, and how it ended."""

    number: int
    state: str  # complete, pruned or failed
    settings: dict[str, Any]
    folds: tuple[float, ...]
    score: float | None  # mean of all folds
    seconds: float
    error: str = ""


class SeededSampler(BaseSampler):
    """TPE with a seed of its own for each trial: an interrupted search goes on as if it had not been interrupted."""

    def __init__(self, seed: int) -> None:
        """Start from *seed*."""
        self._seed = seed
        self._sampler = TPESampler(seed=seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Choose the seed: the number of trials before this one, without the interrupted ones."""
        before = [other for other in study.get_trials(deepcopy=False) if other.number < trial.number]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._sampler = TPESampler(
                seed=self._seed + sum(not _interrupted(other) for other in before), multivariate=True, group=True
            )
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space of TPE."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of TPE."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of TPE."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)


def open_study(url: str, name: str, seed: int) -> optuna.Study:
    """Return the study *name* in the database at *url*, made if needed; safe for processes that do it at once.

    Raises ProjectError, without the password, if the database cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    for attempt in range(ATTEMPTS):
        try:
            storage = _storage(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
            return optuna.create_study(
                storage=storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                sampler=SeededSampler(seed),
                pruner=pruner,
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError, optuna.exceptions.OptunaError) as error:
            if attempt + 1 < ATTEMPTS and not isinstance(error, sqlalchemy.exc.ArgumentError | ImportError):
                continue
            raise ProjectError(f"OPTUNA_STORAGE: {_reason(url, error)}") from None  # the cause shows the password
    raise AssertionError


def _storage(url: str) -> RDBStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return RDBStorage(url, heartbeat_interval=HEARTBEAT_SECONDS, grace_period=GRACE_SECONDS)


def _reason(url: str, error: Exception) -> str:
    try:
        hidden = list(secrets(sqlalchemy.make_url(url), url))
    except sqlalchemy.exc.ArgumentError:
        return "this is no address of a database: use postgresql://user@host/database"
    return hide(" ".join(str(error).split())[:500], hidden)


def _interrupted(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and ERROR not in trial.user_attrs


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count: complete, pruned, or failed with an error of their own."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state not in UNFINISHED and not _interrupted(trial)]


def close_abandoned(study: optuna.Study, processes: frozenset[str] | None = None) -> int:
    """Mark the running trials of *processes*, which have ended (None: all), as failed; return their number."""
    running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    abandoned = [t for t in running if processes is None or t.user_attrs.get(PROCESS) in processes]
    for trial in abandoned:
        study.tell(trial.number, state=TrialState.FAIL)
    return len(abandoned)


def records(study: optuna.Study) -> tuple[Trial, ...]:
    """Return the trials that count, in their order."""
    return tuple(_record(trial) for trial in finished(study))


def _record(trial: FrozenTrial) -> Trial:
    states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    attributes: Mapping[str, Any] = trial.user_attrs
    score = trial.value if trial.state == TrialState.COMPLETE else None
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    folds, error = tuple(attributes.get(FOLDS, ())), str(attributes.get(ERROR, ""))
    return Trial(
        trial.number, states[trial.state], attributes.get(SETTINGS, {}), folds, score, round(seconds, 1), error
    )
