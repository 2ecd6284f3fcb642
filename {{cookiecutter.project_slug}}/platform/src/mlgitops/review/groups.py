"""Compares two models in groups of the rows: slices along the contract's columns, and classes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import metrics
from ..model.slices import slices
from . import compare
from .compare import Predictions
from .performance import ClassScore, Score, Slice

INTERVALS = 8  # slices that get intervals because they moved most


def by_slice(
    rows: pd.DataFrame,
    contract: Contract,
    candidate: Predictions,
    champion: Predictions | None,
    params: Params,
    noise: float = 1.0,
) -> tuple[Slice, ...]:
    """Return the primary metric of both models in every slice, those that moved most (or are lowest) first.

    Intervals are computed for the first few and for those below `min_slice_score`; the gate takes a slice as below if
    its interval, narrowed by the factor *noise*, is.
    """
    models = [model for model in (candidate, champion) if model]
    tables = [slices(contract, rows, model.values, params.evaluate) for model in models]
    name, floor = metrics.name(contract), params.review.gates.min_slice_score
    scores = np.column_stack([table[name].astype("float64") for table in tables])
    moved = [] if champion is None else -np.abs(scores[:, 0] - scores[:, 1]) * np.sqrt(tables[0]["rows"].to_numpy())
    order = np.argsort(scores[:, 0] if champion is None else moved, kind="stable")
    truth = frame.target(rows, contract)

    def ranked() -> Iterator[Slice]:
        for rank, position in enumerate(order):
            column, value, count = tables[0].loc[position, ["column", "value", "rows"]]
            exact = scores[position].tolist()
            score = _without_intervals(*exact)
            if rank < INTERVALS or (floor is not None and exact[0] < floor):
                at = (rows[column].astype("string").fillna("missing") == value).to_numpy()
                inside = [Predictions(model.values[at], model.threshold) for model in models]
                drawn = compare.draw(contract, truth[at], inside, params.review)
                score = compare.score(name, exact, [table[name] for table in drawn])
            high = score.candidate_high
            beyond = None if high is None else exact[0] + (high - exact[0]) * noise
            yield Slice(column, value, int(count), floor is not None and beyond is not None and beyond < floor, score)

    return tuple(ranked())


def by_class(
    contract: Contract, truth: np.ndarray, candidate: Predictions, champion: Predictions | None
) -> tuple[ClassScore, ...]:
    """Return the F1 score of both models for every one of several classes."""
    if contract.task != "multiclass":
        return ()
    labels = range(len(contract.classes))
    scores = [
        sk.f1_score(truth, model.values.argmax(axis=1), labels=labels, average=None, zero_division=0)
        for model in (candidate, champion)
        if model
    ]
    return tuple(
        ClassScore(label, int((truth == position).sum()), _without_intervals(*(float(f1[position]) for f1 in scores)))
        for position, label in enumerate(contract.classes)
    )


def _without_intervals(candidate: float, champion: float | None = None) -> Score:
    return Score(candidate, champion, None if champion is None else candidate - champion)
