"""Cross-validation: what a model that was trained on the other folds predicts for each fold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Train
from ..data import frame
from . import metrics, parallel, pipeline
from .decision import Outcomes, outcomes
from .folds import Fold, folds


class NoScoreError(ProjectError):
    """Cross-validation has no score, because a class has too few rows."""


@dataclass(frozen=True)
class FoldPredictions:
    """The target of the rows of one fold, what was predicted for them, and the primary metric."""

    truth: np.ndarray
    predicted: np.ndarray
    score: float
    rows: np.ndarray  # their positions


@dataclass(frozen=True)
class Prepared:
    """Rows as the estimator takes them, and the folds that separate them."""

    inputs: pd.DataFrame
    truth: np.ndarray
    folds: tuple[Fold, ...]


def prepare(contract: Contract, params: Train, rows: pd.DataFrame) -> Prepared:
    """Return typed *rows* of the train part, ready for several cross-validations."""
    inputs, truth = frame.features(rows, contract), frame.target(rows, contract)
    return Prepared(inputs, truth, tuple(folds(contract, params, rows, truth)))


def predictions(contract: Contract, settings: Mapping[str, Any], prepared: Prepared) -> list[FoldPredictions]:
    """Return what a model that was trained on the rest of the rows predicts for each fold; see `folds`.

    Folds that lack a class are skipped. Raises NoScoreError if all are.
    """
    with predicting(contract, settings, prepared) as results:
        return results()


@contextmanager
def predicting(
    contract: Contract, settings: Mapping[str, Any], prepared: Prepared
) -> Iterator[Callable[[], list[FoldPredictions]]]:
    """Start what `predictions` returns, in other processes if there are CPUs and rows for them; yield its result."""
    count = parallel.processes(prepared.inputs.size)
    last_first = prepared.folds[::-1]  # with a time, the last one has the most rows
    with parallel.pool(of_fold, (contract, prepared), count) as start:
        results = start([(settings, fold) for fold in last_first])
        yield lambda: scored(results()[::-1])


def of_fold(shared: tuple[Contract, Prepared], item: tuple[Mapping[str, Any], Fold]) -> FoldPredictions | None:
    """Return the predictions of a model with some settings for a fold; None if it has no score: a class is absent."""
    (contract, prepared), (settings, (train, test)) = shared, item
    inputs, truth = prepared.inputs, prepared.truth
    if len(np.unique(truth[train])) < len(contract.classes):
        return None
    fitted = pipeline.fit(contract, settings, inputs.iloc[train], truth[train])
    predicted = pipeline.predict(fitted, inputs.iloc[test], contract)
    score = metrics.score(contract, truth[test], predicted)
    return None if np.isnan(score) else FoldPredictions(truth[test], predicted, score, test)


def scored(folds: Sequence[FoldPredictions | None]) -> list[FoldPredictions]:
    """Return the folds that have a score; raises NoScoreError if none has."""
    results = [fold for fold in folds if fold is not None]
    if not results:
        raise NoScoreError(
            f"train: in each of {len(folds)} folds the target is constant or a class is absent: "
            "lower train.folds in params.yaml, or add rows"
        )
    return results


def joined(validated: Sequence[FoldPredictions]) -> tuple[np.ndarray, np.ndarray]:
    """Return the target and the predictions of the rows of all folds."""
    truth, predicted = (np.concatenate([getattr(fold, name) for fold in validated]) for name in ("truth", "predicted"))
    return truth, predicted


def outcomes_of(validated: Sequence[FoldPredictions]) -> Outcomes:
    """Return the outcomes of all predictions of a binary model that were made without the rows themselves."""
    truth, predicted = joined(validated)
    return outcomes(truth == 1, predicted[:, 1])


def backtest(timestamps: pd.Series, validated: Sequence[FoldPredictions]) -> list[dict[str, Any]]:
    """Return, for each fold, the period that it was tested on after training on all earlier rows, and the score."""
    return [
        {"from": str(tested.min()), "to": str(tested.max()), "rows": len(tested), "score": fold.score}
        for fold in validated
        for tested in [timestamps.iloc[fold.rows]]
    ]
