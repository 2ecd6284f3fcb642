"""Checks the largest gap of a metric between groups of the test rows, beyond noise."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pandas as pd

from ..contract.behaviour import Gap
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import bootstrap, metrics
from .compare import Predictions
from .statement import Statement

LEAST = 10  # rows, and rows of each class, without which a metric of a group says nothing
RANKING = ("f1", "roc_auc", "average_precision")  # need rows of both classes


@dataclass(frozen=True)
class Group:
    """A metric of the rows with one value: *centre* and *error* give its interval, which no small group narrows."""

    value: str
    rows: int
    metric: float
    centre: float
    error: float


def gap(stated: Gap, contract: Contract, rows: pd.DataFrame, predictions: Predictions, params: Params) -> Statement:
    """Return whether any two groups of typed *rows* differ by more than is stated.

    The intervals of all pairs of groups hold together with 95 %: more groups do not make a difference more likely.
    """
    values = rows[stated.by].astype("string").fillna("missing")
    large = [v for v, count in sorted(values.value_counts().items()) if count >= params.evaluate.min_slice_rows]
    truth = frame.target(rows, contract)
    groups: list[Group] = []
    for value in large:
        at = (values == value).to_numpy()
        inside = Predictions(predictions.values[at], predictions.threshold)
        groups += _group(value, stated.metric, contract, truth[at], inside, params)
    few = values.nunique() - len(groups)
    checked = f"{len(groups)} groups, {sum(group.rows for group in groups):,} rows"
    checked += f"; {few} with too few rows left out" if few else ""
    if len(groups) < 2:
        return Statement(str(stated), checked, 0, "fewer than two groups have enough rows", None)
    pairs = [_differ(one, other, len(groups)) for one, other in combinations(groups, 2)]
    beyond = [pair for pair in pairs if pair.low > stated.at_most]
    worst = max(beyond, key=lambda pair: pair.low) if beyond else max(pairs, key=lambda pair: pair.difference)
    holds = False if beyond else True if worst.difference <= stated.at_most else None
    noise = ", not beyond noise" if holds is None else ""
    return Statement(str(stated), checked, len(beyond), worst.words(stated.metric) + noise, holds)


@dataclass(frozen=True)
class Pair:
    """Two groups, the difference of their metric, and its interval."""

    one: Group
    other: Group
    difference: float
    low: float
    high: float

    def words(self, metric: str) -> str:
        """Return the difference in words."""
        ends = " and ".join(f"{g.metric:.4f} of {g.value} ({g.rows:,} rows)" for g in (self.one, self.other))
        return f"{metric} {ends}: {self.difference:.4f} apart, 95 % interval {self.low:.4f} to {self.high:.4f}"


def _differ(one: Group, other: Group, groups: int) -> Pair:
    wide = NormalDist().inv_cdf(1 - (1 - bootstrap.CONFIDENCE) / 2 / math.comb(groups, 2))
    middle, error = abs(one.centre - other.centre), wide * math.hypot(one.error, other.error)
    return Pair(one, other, abs(one.metric - other.metric), max(middle - error, 0.0), middle + error)


def _group(
    value: str, metric: str, contract: Contract, truth: np.ndarray, inside: Predictions, params: Params
) -> Iterator[Group]:
    """Yield the metric of a group of rows, unless these are too few for it."""
    share = _share(metric, contract, truth, metrics.decided(contract, *inside)) if contract.classes else None
    if share is not None:
        if len(share) >= LEAST:  # Agresti and Caffo: two rows more of each kind, for shares close to 0 and 1
            centre = (share.sum() + 1) / (len(share) + 2)
            error = math.sqrt(centre * (1 - centre) / (len(share) + 2))
            yield Group(value, len(truth), float(share.mean()), float(centre), error)
    elif metric == "mean_error":
        wrong = inside.values.astype("float64") - truth
        yield Group(value, len(truth), float(wrong.mean()), float(wrong.mean()), float(wrong.std() / len(wrong) ** 0.5))
    elif metric not in RANKING or np.bincount(truth, minlength=2).min() >= LEAST:
        measure = bootstrap.measure(contract, truth, *inside)
        exact = metrics.scores(contract, truth, *inside)[metric]
        (drawn,) = bootstrap.resample([measure], len(truth), params.review.resamples, params.review.random_state)
        if math.isfinite(exact) and math.isfinite(bootstrap.interval(drawn[metric])[0]):
            yield Group(value, len(truth), float(exact), float(exact), float(np.nanstd(drawn[metric])))


def _share(metric: str, contract: Contract, truth: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Return the booleans whose mean the metric is; None if it is no share of rows."""
    if metric == "accuracy":
        return np.asarray(classes == truth)
    positive, actual = classes == 1, truth == 1
    shares = {
        "selection_rate": positive,
        "recall": positive[actual],
        "false_positive_rate": positive[~actual],
        "precision": actual[positive],
    }
    return shares.get(metric) if contract.task == "binary" else None
