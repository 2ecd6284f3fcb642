"""Checks the contract's statements on single columns: test rows are asked again with other values of one column."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..contract.behaviour import Behaviour
from ..contract.column import TEMPORAL, WORDS, Column
from ..contract.params import Params
from ..data import frame
from ..data.spacing import evenly_spaced
from ..model.scorer import Scorer
from .compare import Predictions
from .gaps import gap
from .statement import Statement

ROWS, VALUES = 500, 20  # rows that are asked again, evenly spaced, and most values that each is asked with
DIGITS = 3  # of the numbers, so that they are nobody's
NOISE, PROBABILITY_NOISE = 1e-6, 1e-5  # of float32: relative to the largest number, and absolute


def statements(scorer: Scorer, rows: pd.DataFrame, predictions: Predictions, params: Params) -> tuple[Statement, ...]:
    """Return the result of every statement of the contract on a model; the gaps are those of *predictions*."""
    behaviour = scorer.contract.behaviour
    sample = rows.iloc[evenly_spaced(len(rows), ROWS)]
    single = [_single(scorer, sample, *statement) for statement in _stated(behaviour)]
    return (*single, *(gap(each, scorer.contract, rows, predictions, params) for each in behaviour.max_gap))


def _stated(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    for setting in ("increases_with", "decreases_with", "unchanged_by"):
        for name in getattr(behaviour, setting):
            yield setting, name


def _single(scorer: Scorer, rows: pd.DataFrame, setting: str, name: str) -> Statement:
    """Return the result of a statement on the column *name*."""
    contract, text = scorer.contract, f"{setting} {name}"
    enforced = name in scorer.manifest.get("enforced", ())
    values = _values(rows[name], contract.columns[name])
    if len(values) < 2:
        return Statement(text, f"{len(rows):,} rows", 0, "the test rows have fewer than two values", None, enforced)
    answers = _asked(scorer, rows, name, values)
    wrong = _wrong(answers, setting)
    broken = int((wrong > _noise(answers, bool(contract.classes))).any(axis=0).sum())
    example = _example(answers, wrong, values, contract.columns[name], setting) if broken else ""
    allowed = (1 - contract.behaviour.min_share) * len(rows)
    checked = f"{len(rows):,} rows with {len(values)} values each"
    return Statement(text, checked, broken, example, broken <= allowed + 1e-9, enforced)


def _values(column: pd.Series, declared: Column) -> np.ndarray:
    """Return the values to ask with: categories, the most frequent strings, or quantiles of numbers and times."""
    present = column.dropna()
    if declared.type in WORDS:
        frequent = [*declared.categories] if declared.categories else [*present.value_counts().index]
        values = np.empty(min(len(frequent), VALUES), dtype=object)
        values[:] = frequent[:VALUES]
        return values
    if present.nunique() > VALUES:
        present = present.sort_values().iloc[evenly_spaced(len(present), VALUES)]
    ordered = present.sort_values().unique()
    if declared.type in TEMPORAL or declared.type == "boolean":
        return np.asarray(ordered, dtype="datetime64[ms]" if declared.type in TEMPORAL else "float64")
    numbers = [float(f"{number:.{DIGITS}g}") for number in np.asarray(ordered, dtype="float64")]
    low, high = (-np.inf if declared.min is None else declared.min, np.inf if declared.max is None else declared.max)
    return np.unique(np.clip(numbers, low, high))  # type: ignore[arg-type]  # a number has no bounds of times


def _asked(scorer: Scorer, rows: pd.DataFrame, name: str, values: np.ndarray) -> np.ndarray:
    """Return the answers to all *rows* with each of the *values*, in shape (values, rows, classes or 1).

    Of a binary model, only the probability of the positive class is returned.
    """
    columns: dict[str, Any] = {
        n: np.tile(array, len(values)) for n, array in frame.columns(rows, scorer.contract).items()
    }
    columns[name] = np.repeat(values, len(rows))
    answers = scorer.predict(columns).astype("float64").reshape(len(values), len(rows), -1)
    return answers[..., 1:] if scorer.contract.task == "binary" else answers


def _wrong(answers: np.ndarray, setting: str) -> np.ndarray:
    """Return by how much each row's answer goes the wrong way from one value to the next; NaN is as wrong as can be."""
    if setting == "unchanged_by":
        wrong = np.abs(answers - answers[:1]).max(axis=-1)
    else:
        wrong = np.diff(answers[..., 0], axis=0) * (-1 if setting == "increases_with" else 1)
    return np.where(np.isnan(wrong), np.inf, wrong)


def _noise(answers: np.ndarray, probabilities: bool) -> float:
    return PROBABILITY_NOISE if probabilities else NOISE * float(np.nanmax(np.abs(answers), initial=0.0))


def _example(answers: np.ndarray, wrong: np.ndarray, values: np.ndarray, declared: Column, setting: str) -> str:
    """Return the worst case in words, without any value of another column, or one that only few rows may have."""
    first, row = (int(index) for index in np.unravel_index(int(wrong.argmax()), wrong.shape))
    pair = (0, first) if setting == "unchanged_by" else (first, first + 1)
    moved = np.nan_to_num(np.abs(answers[pair[1], row] - answers[pair[0], row]), nan=np.inf)
    ends = [f"{answers[place, row, int(moved.argmax())]:.4g}" for place in pair]
    if declared.type in WORDS and not declared.categories:
        return f"{ends[0]} becomes {ends[1]} with another value"
    named = [f"{v:g}" if isinstance(v, float) else str(v) for v in (values[place] for place in pair)]
    return f"{ends[0]} with {named[0]} becomes {ends[1]} with {named[1]}"
