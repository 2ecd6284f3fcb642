"""The race of candidates: how they are tried on samples of the rows, and which of them go on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ..contract.contract import Contract
from ..contract.params import Params
from ..model import parallel
from ..model.cross_validation import FoldPredictions, of_fold, prepare
from .sampling import MIN_ROWS

FAR_BEHIND = 0.5  # of the primary metric in one fold, over the root of its rows: more than chance
GROWTH = 5  # how much larger each sample of the race is
FIRST_VALUES = 30_000  # rows times columns of the first sample
SURVIVORS = (3, 2, 2)  # candidates that go on after the first sample, the second ...
FEW_FOLDS = 3


def sizes(rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the numbers of rows and of folds of each sample of the race; the last one has all rows."""
    count, first = len(rows), max(MIN_ROWS, FIRST_VALUES // rows.shape[1])
    if count <= first:
        return [(count, FEW_FOLDS), (count, 5 if count >= MIN_ROWS else 10)]
    smaller = [first] if count <= first * GROWTH**2 else [first, round(np.sqrt(first * count))]
    return [(size, FEW_FOLDS) for size in (*smaller, count)]


def survivors(
    racing: Sequence[dict[str, Any]], scores: Sequence[float], most: int, grows: bool
) -> list[dict[str, Any]]:
    """Return the best candidates, and one of the most flexible kind, which may lack rows only, in their order.

    It is the best of its kind. Where the next sample *grows*, it is the first candidate, whose large trees gain most.
    """
    order = sorted(range(len(racing)), key=lambda position: -scores[position])
    flexible = 0 if grows else next(position for position in order if _flexible(racing[position], racing))
    kept = {*order[:most], flexible}
    return [candidate for position, candidate in enumerate(racing) if position in kept]


def predict(
    contract: Contract, params: Params, racing: Sequence[dict[str, Any]], rows: pd.DataFrame, folds: int
) -> list[list[FoldPredictions]]:
    """Return the cross-validated predictions of each candidate; none if no fold has every class.

    Candidates that trail far behind in the first fold stop there.
    """
    with threadpool_limits(1):
        prepared = prepare(contract, params.train.model_copy(update={"folds": folds}), rows)
        tried = [settings_of(candidate, params) for candidate in racing]
        first, *rest = prepared.folds
        count = parallel.processes(prepared.inputs.size)
        with parallel.pool(of_fold, (contract, prepared), count) as start:
            results = [[fold] for fold in start([(settings, first) for settings in tried])()]
            far = FAR_BEHIND / np.sqrt(max(1, len(first[1])))
            going = _promising(racing, [mean(result) for result in map(_scored, results)], far)
            others = start([(tried[position], fold) for position in going for fold in rest])()
        for number, position in enumerate(going):
            results[position] += others[number * len(rest) : (number + 1) * len(rest)]
        return [_scored(result) for result in results]


def _scored(folds: Sequence[FoldPredictions | None]) -> list[FoldPredictions]:
    return [fold for fold in folds if fold is not None]


def _promising(racing: Sequence[dict[str, Any]], scores: Sequence[float], far: float) -> list[int]:
    """Return the positions of the candidates less than *far* behind the best, and of the best flexible one."""
    flexible = max(score for candidate, score in zip(racing, scores, strict=True) if _flexible(candidate, racing))
    return [
        position
        for position, (candidate, score) in enumerate(zip(racing, scores, strict=True))
        if score >= max(scores) - far or (_flexible(candidate, racing) and score == flexible)
    ]


def _flexible(candidate: dict[str, Any], racing: Sequence[dict[str, Any]]) -> bool:
    return bool(candidate["algorithm"] == racing[0]["algorithm"])


def mean(validated: Sequence[FoldPredictions]) -> float:
    """Return the mean score of the folds; of none, the lowest."""
    return float(np.mean([fold.score for fold in validated])) if validated else float("-inf")


def settings_of(candidate: dict[str, Any], params: Params) -> dict[str, Any]:
    """Return the section `model` of params.yaml for a candidate."""
    algorithm = {"algorithm": candidate["algorithm"], "random_state": params.model.get("random_state", 0)}
    return algorithm | candidate
