"""How two models differ on the same rows: their scores, their slices, their answers."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Review
from ..model import metrics
from ..model.curves import curves
from . import bootstrap

SMALLER = {"log_loss", "brier", "mae", "rmse", "median_error"}  # metrics that get better when they fall


class Answers(NamedTuple):
    """What a model says of the rows, and the probability from which on it says yes."""

    predicted: np.ndarray
    threshold: float


def scores(
    contract: Contract, truth: np.ndarray, candidate: Answers, champion: Answers | None, params: Review
) -> list[dict[str, Any]]:
    """Return every metric of both models with the interval of each and of their difference.

    The verdict is better or worse only where the whole interval is on one side of zero.
    """
    models = [model for model in (candidate, champion) if model]
    exact = [metrics.scores(contract, truth, *model) for model in models]
    drawn = draw(contract, truth, models, params)
    return [
        {"name": name, "better": "smaller" if name in SMALLER else "larger"}
        | compared([one[name] for one in exact], [one[name] for one in drawn], name in SMALLER)
        for name in exact[0]
    ]


def draw(contract: Contract, truth: np.ndarray, models: list[Answers], params: Review) -> list[dict[str, np.ndarray]]:
    """Return, for each model, every metric on each draw of the rows."""
    measures = [bootstrap.measure(contract, truth, *model) for model in models]
    return bootstrap.resample(measures, len(truth), params.resamples, params.random_state)


def compared(exact: list[float], drawn: list[np.ndarray], smaller: bool) -> dict[str, Any]:
    """Return one metric of one or two models, the candidate first, beside what was drawn of it."""
    low, high = bootstrap.interval(drawn[0])
    found = {"candidate": exact[0], "candidate_low": low, "candidate_high": high, "champion": None}
    if len(exact) == 1:
        return {**found, "difference": None, "low": None, "high": None, "verdict": None}
    low, high = bootstrap.interval(drawn[0] - drawn[1])
    up, down = ("worse", "better") if smaller else ("better", "worse")
    verdict = up if low > 0 else down if high < 0 else "same" if low <= high else None  # None where they are NaN
    between = {"difference": exact[0] - exact[1], "low": low, "high": high, "verdict": verdict}
    return {**found, "champion": exact[1], **between}


def by_curve(
    contract: Contract, truth: np.ndarray, candidate: Answers, champion: Answers | None
) -> dict[str, dict[str, Any]]:
    """Return each curve of evaluate: the names of its columns, and the points of each model."""
    models = {"candidate": candidate} | ({"champion": champion} if champion else {})
    drawn = {
        name: {curve: points.dropna() for curve, points in curves(contract, truth, *model).items()}
        for name, model in models.items()
    }
    return {
        curve: {"columns": list(points)}
        | {name: one[curve].round(6).to_numpy().tolist() for name, one in drawn.items()}
        for curve, points in drawn["candidate"].items()
        if curve != "confusion"  # as large as the square of the classes
        and all(len(one[curve]) > 1 for one in drawn.values())
    }


def movement(contract: Contract, truth: np.ndarray, candidate: Answers, champion: Answers) -> dict[str, Any]:
    """Return how the answers change from champion to candidate: classes, amounts, order."""
    new, old = candidate.predicted.astype("float64"), champion.predicted.astype("float64")
    if not contract.classes:
        return {"mean_absolute_change": float(np.abs(new - old).mean()), "rank_correlation": _rank(new, old)}
    after, before = (_decided(contract, *model) for model in (candidate, champion))
    moved = after != before
    return {
        "changed_share": float(moved.mean()),
        "became_right": int((moved & (after == truth)).sum()),
        "became_wrong": int((moved & (before == truth)).sum()),
        "mean_absolute_change": float(np.abs(new - old).sum(axis=1).mean() / 2),
        "rank_correlation": _rank(new[:, 1], old[:, 1]) if contract.task == "binary" else None,
    }


def _decided(contract: Contract, predicted: np.ndarray, threshold: float) -> np.ndarray:
    return (predicted[:, 1] >= threshold).astype(int) if contract.task == "binary" else predicted.argmax(axis=1)


def _rank(new: np.ndarray, old: np.ndarray) -> float | None:
    if min(np.ptp(new), np.ptp(old)) == 0:
        return None
    return float(np.corrcoef(pd.Series(new).rank(), pd.Series(old).rank())[0, 1])
