"""Chooses settings of the model for a table: candidates race on growing samples of its rows, and losers stop."""

from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import pandas as pd

from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.params import Params, Threshold
from ..data.spacing import evenly_spaced
from ..model import decision
from ..model.cross_validation import outcomes_of
from .candidates import candidates, describe, rough
from .race import FEW_FOLDS, FIRST_VALUES, GROWTH, SURVIVORS, mean, predict, settings_of, sizes, survivors
from .sampling import MIN_ROWS

NEGLIGIBLE_DIFFERENCE = 0.001  # of the primary metric, between candidates tried on a sample
DATE_PARTS = [["month"], ["month", "day"], ["days", "month", "day"]]  # in addition to weekday and hour
MIN_GAIN = 0.01  # of the primary metric, for additional parts of the time


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
    few = rows.iloc[evenly_spaced(len(rows), max(MIN_ROWS, FIRST_VALUES * GROWTH // rows.shape[1]))]
    first = candidates(contract)[0]
    scores = [mean(predict(_with(contract, variant), params, [first], few, FEW_FOLDS)[0]) for variant in variants]
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
    racing, samples = candidates(contract), sizes(rows)
    for rung, (count, folds) in enumerate(samples):
        click.echo(f"  trying {len(racing)} settings on {count:,} rows, {folds} folds ({rung + 1} of {len(samples)})")
        last = rung + 1 == len(samples)
        tried = racing if last else [rough(candidate) for candidate in racing]
        results = predict(contract, params, tried, rows.iloc[evenly_spaced(len(rows), count)], folds)
        most = max(map(len, results))
        scores = [mean(result) if len(result) == most else float("-inf") for result in results]
        for candidate, result in zip(racing, results, strict=True):
            stopped = ", stopped after a fold" if len(result) < most else ""
            click.echo(f"    {describe(candidate)}: {mean(result):.4f}{stopped}")
        if not last:
            racing = survivors(racing, scores, SURVIVORS[rung], grows=samples[rung + 1][0] > count)
    required = max(scores) - (NEGLIGIBLE_DIFFERENCE if share < 1 else 0)
    best = next(position for position, score in enumerate(scores) if score >= required)
    settings = settings_of(_scaled(racing[best], share), params)
    if contract.task != "binary" or not results[best]:
        return Choice(settings, max(scores))
    return Choice(settings, max(scores), decision.best(outcomes_of(results[best]), aim))


def _scaled(candidate: dict[str, Any], share: float) -> dict[str, Any]:
    if candidate["algorithm"] != "forest":
        return candidate
    return candidate | {"min_samples_leaf": max(1, round(candidate["min_samples_leaf"] / share))}
