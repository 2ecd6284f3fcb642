"""Chooses settings of the model for a table: candidates race on growing samples of its rows, and losers stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.params import Params, Threshold
from ..model import decision
from ..model.cross_validation import FoldPredictions, NoScoreError, outcomes_of, predictions, prepare
from .candidates import candidates, describe, rough
from .sampling import MIN_ROWS, evenly

NEGLIGIBLE_DIFFERENCE = 0.001  # of the primary metric, between candidates tried on a sample
DATE_PARTS = [["month"], ["month", "day"], ["days", "month", "day"]]  # in addition to weekday and hour
MIN_GAIN = 0.01  # of the primary metric, for additional parts of the time
GROWTH = 5  # how much larger each sample of the race is
FIRST_VALUES = 30_000  # rows times columns of the first sample
SURVIVORS = (3, 2, 2)  # candidates that go on after the first sample, the second ...
FEW_FOLDS = 3


@dataclass(frozen=True)
class Choice:
    """The chosen settings, their cross-validated primary metric, and for two classes the threshold."""

    settings: dict[str, Any]
    score: float
    threshold: float | None = None


def time_parts(contract: Contract, params: Params, rows: pd.DataFrame) -> list[str] | None:
    """Return the parts of the time that predict later rows better than the default ones, or None."""
    if contract.time not in contract.inputs:  # a time that is joined from parts is no input
        return None
    column = contract.columns[contract.time]
    default = ["weekday"] if column.type == "date" else ["weekday", "hour"]
    variants = [column, *(column.model_copy(update={"parts": (*parts, *default)}) for parts in DATE_PARTS)]
    few = rows.iloc[evenly(len(rows), max(MIN_ROWS, FIRST_VALUES * GROWTH // rows.shape[1]))]
    first = candidates(contract)[0]
    scores = [_mean(_predict(_with(contract, variant), params, [first], few, FEW_FOLDS)[0]) for variant in variants]
    best = int(np.argmax(scores))
    return [*DATE_PARTS[best - 1], *default] if scores[best] > scores[0] + MIN_GAIN else None


def _with(contract: Contract, time: Column) -> Contract:
    columns = {name: time if name == contract.time else column for name, column in contract.columns.items()}
    fields = {name: getattr(contract, name) for name in Contract.model_fields}  # a copy would keep cached features
    return Contract.model_validate(fields | {"columns": columns})


def choose(contract: Contract, params: Params, rows: pd.DataFrame, share: float, aim: Threshold = 0.5) -> Choice:
    """Return the best candidate on *rows*; print how the race goes.

    *rows* are a *share* of the train part. With a share below 1, the most flexible of nearly equal candidates wins, and
    leaves of a forest grow to keep their share of the rows. Candidates that trail on a sample stop.
    """
    racing, sizes = candidates(contract), _sizes(rows)
    for rung, (count, folds) in enumerate(sizes):
        click.echo(f"  trying {len(racing)} settings on {count:,} rows, {folds} folds ({rung + 1} of {len(sizes)})")
        last = rung + 1 == len(sizes)
        tried = racing if last else [rough(candidate) for candidate in racing]
        results = _predict(contract, params, tried, rows.iloc[evenly(len(rows), count)], folds)
        scores = [_mean(result) for result in results]
        for candidate, score in zip(racing, scores, strict=True):
            click.echo(f"    {describe(candidate)}: {score:.4f}")
        if not last:
            racing = _survivors(racing, scores, SURVIVORS[rung])
    required = max(scores) - (NEGLIGIBLE_DIFFERENCE if share < 1 else 0)
    best = next(position for position, score in enumerate(scores) if score >= required)
    settings = _settings(_scaled(racing[best], share), params)
    if contract.task != "binary" or not results[best]:
        return Choice(settings, max(scores))
    return Choice(settings, max(scores), decision.best(outcomes_of(results[best]), aim))


def _sizes(rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the numbers of rows and of folds of each sample of the race; the last one has all rows."""
    count, first = len(rows), max(MIN_ROWS, FIRST_VALUES // rows.shape[1])
    if count <= first:
        return [(count, FEW_FOLDS), (count, 5 if count >= MIN_ROWS else 10)]
    smaller = [first] if count <= first * GROWTH**2 else [first, round(np.sqrt(first * count))]
    return [(size, FEW_FOLDS) for size in (*smaller, count)]


def _survivors(racing: Sequence[dict[str, Any]], scores: Sequence[float], most: int) -> list[dict[str, Any]]:
    """Return the best candidates, with the best of the most flexible kind, which may lack rows only, in their order."""
    order = sorted(range(len(racing)), key=lambda position: -scores[position])
    flexible = next(position for position in order if racing[position]["algorithm"] == racing[0]["algorithm"])
    kept = {*order[:most], flexible}
    return [candidate for position, candidate in enumerate(racing) if position in kept]


def _predict(
    contract: Contract, params: Params, racing: Sequence[dict[str, Any]], rows: pd.DataFrame, folds: int
) -> list[list[FoldPredictions]]:
    """Return the cross-validated predictions of each candidate; none if no fold has every class."""
    with threadpool_limits(1):
        prepared = prepare(contract, params.train.model_copy(update={"folds": folds}), rows)
        try:
            return [predictions(contract, _settings(candidate, params), prepared) for candidate in racing]
        except NoScoreError:
            return [[] for _ in racing]


def _mean(validated: Sequence[FoldPredictions]) -> float:
    return float(np.mean([fold.score for fold in validated])) if validated else float("-inf")


def _settings(candidate: dict[str, Any], params: Params) -> dict[str, Any]:
    algorithm = {"algorithm": candidate["algorithm"], "random_state": params.model.get("random_state", 0)}
    return algorithm | candidate


def _scaled(candidate: dict[str, Any], share: float) -> dict[str, Any]:
    if candidate["algorithm"] != "forest":
        return candidate
    return candidate | {"min_samples_leaf": max(1, round(candidate["min_samples_leaf"] / share))}
