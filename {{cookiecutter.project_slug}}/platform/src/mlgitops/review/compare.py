"""Compares two models on the same rows: their metrics and their curves."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Review
from ..model import bootstrap, metrics
from ..model.curves import curves
from ..model.metrics import finite
from .performance import Curve, Metric, Score, Verdict

SMALLER_IS_BETTER = {"log_loss", "brier", "calibration_error", "mae", "rmse", "median_error"}


class Predictions(NamedTuple):
    """The predictions of a model, of shape (rows, classes) or (rows,), and its decision threshold."""

    values: np.ndarray
    threshold: float


def metric_scores(
    contract: Contract,
    truth: np.ndarray,
    models: Sequence[Predictions],
    params: Review,
    baseline: Mapping[str, float] | None = None,
) -> tuple[Metric, ...]:
    """Return every metric of the *models*, the candidate first, with its intervals, the primary metric first."""
    exact = [metrics.scores(contract, truth, *model) for model in models]
    drawn, constant = draw(contract, truth, models, params), baseline or {}
    return tuple(
        Metric(
            name,
            better(name),
            score(name, [table[name] for table in exact], [table[name] for table in drawn]),
            finite(constant[name]) if name in constant else None,
        )
        for name in exact[0]
    )


def better(name: str) -> Literal["larger", "smaller"]:
    """Return whether a larger or a smaller value of a metric is better."""
    return "smaller" if name in SMALLER_IS_BETTER else "larger"


def draw(
    contract: Contract, truth: np.ndarray, models: Sequence[Predictions], params: Review
) -> list[dict[str, np.ndarray]]:
    """Return, for each model, every metric on each bootstrap sample of the rows."""
    measures = [bootstrap.measure(contract, truth, *model) for model in models]
    return bootstrap.resample(measures, len(truth), params.resamples, params.random_state)


def score(name: str, exact: Sequence[float], drawn: Sequence[np.ndarray]) -> Score:
    """Return a metric of one or two models, the candidate first, with intervals of its bootstrap samples."""
    candidate_low, candidate_high = bootstrap.interval(drawn[0])
    if len(exact) == 1:
        return Score(
            candidate=finite(exact[0]), candidate_low=finite(candidate_low), candidate_high=finite(candidate_high)
        )
    low, high = bootstrap.interval(drawn[0] - drawn[1])
    return Score(
        candidate=finite(exact[0]),
        champion=finite(exact[1]),
        difference=finite(exact[0] - exact[1]),
        candidate_low=finite(candidate_low),
        candidate_high=finite(candidate_high),
        low=finite(low),
        high=finite(high),
        verdict=_verdict(name, low, high),
    )


def _verdict(name: str, low: float, high: float) -> Verdict | None:
    """Return what the interval of a difference says; None where it is undefined."""
    above: Verdict = "better" if better(name) == "larger" else "worse"
    below: Verdict = "worse" if better(name) == "larger" else "better"
    return above if low > 0 else below if high < 0 else "same" if low <= high else None


def by_curve(
    contract: Contract, truth: np.ndarray, candidate: Predictions, champion: Predictions | None
) -> dict[str, Curve]:
    """Return the curves of evaluate by name, where each model has points to draw."""
    tables = [
        {name: points.dropna().round(6) for name, points in curves(contract, truth, *model).items()}
        for model in (candidate, champion)
        if model
    ]
    drawable = [name for name in tables[0] if name != "confusion" and all(len(table[name]) > 1 for table in tables)]
    return {name: _curve(*(table[name] for table in tables)) for name in drawable}


def _curve(candidate: pd.DataFrame, champion: pd.DataFrame | None = None) -> Curve:
    x, y = candidate.columns
    points = [tuple(map(tuple, table.to_numpy().tolist())) for table in (candidate, champion) if table is not None]
    return Curve(x, y, points[0], points[1] if len(points) > 1 else None)
