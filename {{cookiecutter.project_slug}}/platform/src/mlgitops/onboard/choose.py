"""Chooses the settings that fit a table, by trying a few on a sample of its rows."""

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

CELLS = 500_000  # of the sample: fewer rows of a wide table
MANY = 200_000  # cells, of which three folds are enough
ROWS = 40_000
CLOSE = 0.001  # of the primary metric: no difference where more rows than the sample has can tell more
BOOSTING = {"algorithm": "boosting"}
CANDIDATES: list[dict[str, Any]] = [  # settings of the default build(); what can learn more comes first
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 400, "learning_rate": 0.1, "max_leaf_nodes": 8, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 10},
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 4, "min_samples_leaf": 5},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 1},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 5},
]
STRENGTHS = (1.0, 0.1, 0.01)  # C of logistic regression; alpha of ridge regression is its inverse
PARTS = [["month"], ["month", "day"], ["days", "month", "day"]]  # of the time, besides weekday and hour
LITTLE = 0.01  # of the primary metric: what more parts have to be worth


def time_parts(contract: Contract, params: Params, rows: pd.DataFrame) -> list[str] | None:
    """Return the parts of the time that foretell the future better than those that are the default, if any do."""
    if not contract.time:
        return None
    column = contract.columns[contract.time]
    usual = ["weekday"] if column.type == "date" else ["weekday", "hour"]
    ways = [column, *(column.model_copy(update={"parts": (*more, *usual)}) for more in PARTS)]
    scores = [_score(_with(contract, way), params, CANDIDATES[0], rows) for way in ways]
    best = int(np.argmax(scores))
    return [*PARTS[best - 1], *usual] if scores[best] > scores[0] + LITTLE else None


def _with(contract: Contract, time: Column) -> Contract:
    columns = {name: time if name == contract.time else column for name, column in contract.columns.items()}
    fields = {name: getattr(contract, name) for name in Contract.model_fields}  # a copy would keep its features
    return Contract.model_validate(fields | {"columns": columns})


def sample(raw: Path, contract: Contract, share: float) -> pd.DataFrame:
    """Return typed rows of the train part, for the test part is not to choose by.

    Raises ProjectError where a part of the split lacks rows or classes.
    """
    rows = _some(raw, contract)
    try:
        return split(rows, contract, share)[0]
    except ProjectError:
        if len(rows) == pq.read_metadata(raw).num_rows:
            raise
        train, _ = split(frame.load(raw, contract, list(rows)), contract, share)  # the whole may have what is lacking
        return train.iloc[evenly(len(train), len(rows))]


def _some(raw: Path, contract: Contract) -> pd.DataFrame:
    """Return typed rows that have a target, evenly spaced."""
    file = pq.ParquetFile(raw)
    used = dict.fromkeys([contract.target, *contract.key, *filter(None, [contract.time]), *contract.inputs])
    truth = frame.read(file, contract.target, contract.columns[contract.target], contract.decimal)
    filled = np.flatnonzero(truth.notna())
    some = filled[evenly(len(filled), min(ROWS, max(1000, CELLS // len(used))))]
    return pd.DataFrame(
        {name: frame.read(file, name, contract.columns[name], contract.decimal).iloc[some] for name in used}
    )


def choose(contract: Contract, params: Params, rows: pd.DataFrame, share: float) -> tuple[dict[str, Any], float]:
    """Return the best of a few settings of the model on *rows*, and its primary metric; shows each.

    *share* is the part of the train rows that *rows* are: in the whole, leaves of a forest keep their size, and of
    settings that are as good as the best those win that can learn more.
    """
    scores = []
    candidates = [*CANDIDATES, *_linear(contract)]
    for candidate in candidates:
        scores.append(_score(contract, params, candidate, rows))
        click.echo(f"  tried {_words(candidate)}: {scores[-1]:.4f}")
    enough = max(scores) - (CLOSE if share < 1 else 0)
    best = next(candidate for candidate, score in zip(candidates, scores, strict=True) if score >= enough)
    return _settings(_grown(best, share), params), max(scores)


def _linear(contract: Contract) -> list[dict[str, Any]]:
    name, power = ("alpha", -1) if contract.task == "regression" else ("C", 1)
    return [{"algorithm": "linear", name: strength**power} for strength in STRENGTHS]


def _score(contract: Contract, params: Params, candidate: dict[str, Any], rows: pd.DataFrame) -> float:
    """Return the primary metric of *candidate*, cross-validated; minus infinity where no fold holds every class."""
    folds = 3 if rows.size > MANY or len(rows) >= 10_000 else 5 if len(rows) >= 1000 else 10
    settings, train = _settings(candidate, params), params.train.model_copy(update={"folds": folds})
    try:
        with threadpool_limits(1):
            return float(np.mean(cross_validate(contract, settings, train, rows)))
    except NoScoreError:
        return float("-inf")


def _settings(candidate: dict[str, Any], params: Params) -> dict[str, Any]:
    algorithm = {"algorithm": candidate["algorithm"], "random_state": params.model.get("random_state", 0)}
    return algorithm | candidate


def _grown(candidate: dict[str, Any], share: float) -> dict[str, Any]:
    if candidate["algorithm"] != "forest":
        return candidate
    return candidate | {"min_samples_leaf": max(1, round(candidate["min_samples_leaf"] / share))}


def _words(candidate: dict[str, Any]) -> str:
    return " ".join(str(value) if key == "algorithm" else f"{key}={value:g}" for key, value in candidate.items())
