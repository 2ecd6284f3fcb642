"""Measures the models on rows: all metrics on the test part, and the drop that the gate decides on."""

import math

import numpy as np
import pandas as pd

from ..contract.params import Params
from ..data import frame, part_rows
from ..model.coverage import Coverage
from ..model.interval import measured
from . import baseline, compare, groups
from .compare import Predictions
from .facts import test_rows
from .inputs import Model
from .movement import confusion, movement
from .performance import TEST_ROWS, UNSEEN_ROWS, Drop, Intervals, Metric, Performance, Score


def performance(candidate: Model, champion: Model | None, rows: pd.DataFrame, params: Params) -> Performance:
    """Return what follows from the predictions of both models on typed *rows*."""
    contract = candidate.scorer.contract
    truth, new = frame.target(rows, contract), predictions(candidate, rows)
    old = predictions(champion, rows) if champion else None
    constant = baseline.scores(contract, truth, candidate.profile)
    noise = narrowing(len(rows), test_rows(champion) if champion else None)
    return Performance(
        metrics=compare.metric_scores(contract, truth, [new, *([old] if old else [])], params.review, constant),
        movement=movement(contract, truth, new, old) if old else None,
        slices=groups.by_slice(rows, contract, new, old, params, noise),
        classes=groups.by_class(contract, truth, new, old),
        confusion=confusion(contract, truth, new, old),
        curves=compare.by_curve(contract, truth, new, old),
    )


def intervals(candidate: Model, champion: Model | None, rows: pd.DataFrame) -> Intervals | None:
    """Return the coverage and the width of the prediction intervals on typed *rows*; None without intervals."""
    contract = candidate.scorer.contract
    covered = _covered(candidate, rows)
    if contract.interval is None or covered is None:
        return None
    return Intervals(contract.interval, covered, _covered(champion, rows) if champion else None)


def _covered(model: Model, rows: pd.DataFrame) -> Coverage | None:
    limits, contract = model.scorer.manifest.get("interval"), model.scorer.contract
    if contract.interval is None or not limits:
        return None
    return measured(limits, frame.target(rows, contract), predictions(model, rows).values)


def drop(
    candidate: Model, champion: Model | None, metric: Metric, rows: int, unseen: pd.DataFrame | None, params: Params
) -> Drop | None:
    """Return the drop that max_drop decides on; None where the champion was not evaluated.

    It is measured on the *unseen* rows where they are known and it is defined there, else by the *metric* on the test
    rows.
    """
    if champion is None or metric.score.difference is None:
        return None
    if unseen is not None and len(unseen):
        score = _primary(candidate, champion, unseen, params)
        if score.high is not None:
            return _drop(score, len(unseen), UNSEEN_ROWS, test_rows(champion))
    return _drop(metric.score, rows, TEST_ROWS, test_rows(champion))


def narrowing(rows: int, champion_rows: int | None) -> float:
    """Return the factor by which intervals narrow on as many rows as the champion had, if those were more.

    An interval is as wide as one over the square root of its rows. A test part that shrank would widen it, and let a
    worse model pass as noise.
    """
    return math.sqrt(rows / champion_rows) if champion_rows and champion_rows > rows else 1.0


def predictions(model: Model, rows: pd.DataFrame) -> Predictions:
    """Return what a model predicts for typed *rows*: the one that has not learned from the test part."""
    scorer, size = model.evaluated or model.scorer, part_rows.chunk_rows(len(rows.columns))
    chunks = (rows.iloc[start : start + size] for start in range(0, max(len(rows), 1), size))
    values = [scorer.predict(frame.columns(chunk, scorer.contract)) for chunk in chunks]
    return Predictions(np.concatenate(values), scorer.threshold)


def _primary(candidate: Model, champion: Model, rows: pd.DataFrame, params: Params) -> Score:
    contract, models = candidate.scorer.contract, [predictions(candidate, rows), predictions(champion, rows)]
    return compare.metric_scores(contract, np.asarray(frame.target(rows, contract)), models, params.review)[0].score


def _drop(score: Score, rows: int, which: str, of_champion: int | None) -> Drop:
    middle, factor = score.difference, narrowing(rows, of_champion)
    low, high = (
        None if middle is None or end is None else middle + (end - middle) * factor for end in (score.low, score.high)
    )
    return Drop(rows, which, middle, low, high, max(rows, of_champion or 0))
