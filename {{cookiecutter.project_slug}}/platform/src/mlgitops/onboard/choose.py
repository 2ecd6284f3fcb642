"""Chooses settings of the model for a table, by cross-validating candidates on a sample of its rows."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..data.split import split
from ..model.train import NoScoreError, cross_validate
from .draft import evenly

MAX_SAMPLE_VALUES = 500_000  # rows times columns
THREE_FOLDS_VALUES = 200_000  # rows times columns from which three folds are enough
MAX_SAMPLE_ROWS = 40_000
NEGLIGIBLE_DIFFERENCE = 0.001  # of the primary metric, between candidates tried on a sample
BOOSTING = {"algorithm": "boosting"}
CANDIDATES: list[dict[str, Any]] = [  # settings of the default build(), the most flexible first
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 400, "learning_rate": 0.1, "max_leaf_nodes": 8, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 10},
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 4, "min_samples_leaf": 5},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 1},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 5},
]
INVERSE_REGULARIZATIONS = (1.0, 0.1, 0.01)  # C of logistic regression; alpha of ridge regression is its inverse
DATE_PARTS = [["month"], ["month", "day"], ["days", "month", "day"]]  # in addition to weekday and hour
MIN_GAIN = 0.01  # of the primary metric, for additional parts of the time


def time_parts(contract: Contract, params: Params, rows: pd.DataFrame) -> list[str] | None:
    """Return the parts of the time that predict later rows better than the default ones, or None."""
    if not contract.time:
        return None
    column = contract.columns[contract.time]
    default = ["weekday"] if column.type == "date" else ["weekday", "hour"]
    variants = [column, *(column.model_copy(update={"parts": (*parts, *default)}) for parts in DATE_PARTS)]
    scores = [_score(_with(contract, variant), params, CANDIDATES[0], rows) for variant in variants]
    best = int(np.argmax(scores))
    return [*DATE_PARTS[best - 1], *default] if scores[best] > scores[0] + MIN_GAIN else None


def _with(contract: Contract, time: Column) -> Contract:
    columns = {name: time if name == contract.time else column for name, column in contract.columns.items()}
    fields = {name: getattr(contract, name) for name in Contract.model_fields}  # a copy would keep cached features
    return Contract.model_validate(fields | {"columns": columns})


def sample(raw: Path, contract: Contract, share: float) -> pd.DataFrame:
    """Return typed rows of the train part; settings must not be chosen on the test part.

    Raises ProjectError if a part of the split lacks rows or classes.
    """
    rows = _sample(raw, contract)
    try:
        return split(rows, contract, share)[0]
    except ProjectError:
        if len(rows) == pq.read_metadata(raw).num_rows:
            raise
        train, _ = split(frame.load(raw, contract, list(rows)), contract, share)  # the full table may have enough
        return train.iloc[evenly(len(train), len(rows))]


def _sample(raw: Path, contract: Contract) -> pd.DataFrame:
    """Return typed rows that have a target, evenly spaced."""
    file = pq.ParquetFile(raw)
    used = dict.fromkeys([contract.target, *contract.key, *filter(None, [contract.time]), *contract.inputs])
    truth = frame.read(file, contract.target, contract.columns[contract.target], contract.decimal)
    filled = np.flatnonzero(truth.notna())
    sampled = filled[evenly(len(filled), min(MAX_SAMPLE_ROWS, max(1000, MAX_SAMPLE_VALUES // len(used))))]
    return pd.DataFrame(
        {name: frame.read(file, name, contract.columns[name], contract.decimal).iloc[sampled] for name in used}
    )


def choose(contract: Contract, params: Params, rows: pd.DataFrame, share: float) -> tuple[dict[str, Any], float]:
    """Return the best candidate on *rows*, and the best primary metric; print the result of each.

    *rows* are a *share* of the train part. With a share below 1, the most flexible of nearly equal candidates wins, and
    leaves of a forest grow to keep their share of the rows.
    """
    scores = []
    candidates = [*CANDIDATES, *_linear(contract)]
    for candidate in candidates:
        scores.append(_score(contract, params, candidate, rows))
        click.echo(f"  tried {_describe(candidate)}: {scores[-1]:.4f}")
    required = max(scores) - (NEGLIGIBLE_DIFFERENCE if share < 1 else 0)
    best = next(candidate for candidate, score in zip(candidates, scores, strict=True) if score >= required)
    return _settings(_scaled(best, share), params), max(scores)


def _linear(contract: Contract) -> list[dict[str, Any]]:
    name, power = ("alpha", -1) if contract.task == "regression" else ("C", 1)
    return [{"algorithm": "linear", name: strength**power} for strength in INVERSE_REGULARIZATIONS]


def _score(contract: Contract, params: Params, candidate: dict[str, Any], rows: pd.DataFrame) -> float:
    """Return the primary metric of *candidate*, cross-validated; minus infinity if no fold has every class."""
    folds = 3 if rows.size > THREE_FOLDS_VALUES or len(rows) >= 10_000 else 5 if len(rows) >= 1000 else 10
    settings, train = _settings(candidate, params), params.train.model_copy(update={"folds": folds})
    try:
        with threadpool_limits(1):
            return float(np.mean(cross_validate(contract, settings, train, rows)))
    except NoScoreError:
        return float("-inf")


def _settings(candidate: dict[str, Any], params: Params) -> dict[str, Any]:
    algorithm = {"algorithm": candidate["algorithm"], "random_state": params.model.get("random_state", 0)}
    return algorithm | candidate


def _scaled(candidate: dict[str, Any], share: float) -> dict[str, Any]:
    if candidate["algorithm"] != "forest":
        return candidate
    return candidate | {"min_samples_leaf": max(1, round(candidate["min_samples_leaf"] / share))}


def _describe(candidate: dict[str, Any]) -> str:
    return " ".join(str(value) if key == "algorithm" else f"{key}={value:g}" for key, value in candidate.items())
