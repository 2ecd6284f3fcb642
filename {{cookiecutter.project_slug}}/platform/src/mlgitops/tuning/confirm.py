"""Compares the best settings of a search with the current ones, on folds that the search has not used."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Params
from ..model import bootstrap, metrics
from ..model.cross_validation import FoldPredictions, predictions, prepare

THRESHOLD = 0.5


@dataclass(frozen=True)
class Interval:
    """A value, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The primary metric of the current settings and of the best ones, and the difference on the same rows."""

    folds: int
    rows: int
    current: Interval
    best: Interval
    difference: Interval

    @property
    def is_better(self) -> bool:
        """Whether the best settings are better beyond noise."""
        return self.difference.low > 0


def compare(contract: Contract, params: Params, rows: pd.DataFrame, best: dict[str, Any]) -> Comparison:
    """Return the comparison by cross-validation on typed *rows* of the train part.

    A search finds the luckiest settings for its folds, so that these folds are others: one more, and drawn otherwise.
    """
    others = {"folds": params.train.folds + 1, "random_state": params.train.random_state + 1}
    prepared = prepare(contract, params.train.model_copy(update=others), rows)
    results = [{tuple(fold.rows): fold for fold in predictions(contract, s, prepared)} for s in (params.model, best)]
    pairs = [(fold, results[1][key]) for key, fold in results[0].items() if key in results[1]]
    drawn = np.mean([_resampled(contract, pair, params) for pair in pairs], axis=0)
    scores = np.mean([[fold.score for fold in pair] for pair in pairs], axis=0)
    current, new = (_interval(float(score), values) for score, values in zip(scores, drawn, strict=True))
    difference = _interval(float(scores[1] - scores[0]), drawn[1] - drawn[0])
    return Comparison(len(pairs), sum(len(pair[0].rows) for pair in pairs), current, new, difference)


def _resampled(contract: Contract, pair: tuple[FoldPredictions, FoldPredictions], params: Params) -> np.ndarray:
    """Return the metric of both models on samples of the rows of one fold, shape (2, resamples)."""
    measures = [bootstrap.measure(contract, fold.truth, fold.predicted, THRESHOLD) for fold in pair]
    drawn = bootstrap.resample(measures, len(pair[0].truth), params.review.resamples, params.review.random_state)
    return np.array([scores[metrics.name(contract)] for scores in drawn])


def _interval(value: float, drawn: np.ndarray) -> Interval:
    return Interval(value, *bootstrap.interval(drawn))
