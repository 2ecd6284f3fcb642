"""Chooses the settings that fit a table, by trying a few on a sample of its rows."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from .. import table
from ..column import Column
from ..config import ProjectError
from ..contract import Contract
from ..settings import Train
from ..split import split
from ..train import cross_validate
from .draft import evenly
from .texts import update

CELLS = 500_000  # of the sample: fewer rows of a wide table
MANY = 200_000  # cells, of which three folds are enough
ROWS = 40_000
CLOSE = 0.001  # of the primary metric: no difference where more rows than the sample has can tell more
CANDIDATES: list[dict[str, Any]] = [  # what of each differs from params.yaml; what can learn more comes first
    {"algorithm": "boosting"},
    {"algorithm": "boosting", "boosting": {"iterations": 400, "leaves": 8}},
    {"algorithm": "boosting", "boosting": {"iterations": 200, "learning_rate": 0.05, "leaves": 8, "min_leaf": 10}},
    {"algorithm": "boosting", "boosting": {"learning_rate": 0.05, "leaves": 4, "min_leaf": 5}},
    {"algorithm": "forest", "forest": {"depth": 30, "min_leaf": 1}},
    {"algorithm": "forest", "forest": {"depth": 30, "min_leaf": 5}},
    {"algorithm": "linear", "linear": {"strength": 1.0}},
    {"algorithm": "linear", "linear": {"strength": 0.1}},
    {"algorithm": "linear", "linear": {"strength": 0.01}},
]
PARTS = [["month"], ["month", "day"], ["days", "month", "day"]]  # of the time, besides weekday and hour
LITTLE = 0.01  # of the primary metric: what more parts have to be worth


def time_parts(contract: Contract, train: Train, rows: pd.DataFrame) -> list[str] | None:
    """Return the parts of the time that foretell the future better than those that are the default, if any do."""
    if not contract.time:
        return None
    column = contract.columns[contract.time]
    usual = ["weekday"] if column.type == "date" else ["weekday", "hour"]
    ways = [column, *(column.model_copy(update={"parts": (*more, *usual)}) for more in PARTS)]
    scores = [_tried(_with(contract, way), train, {"algorithm": "boosting"}, rows) for way in ways]
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
        train, _ = split(table.load(raw, contract, list(rows)), contract, share)  # the whole may have what is lacking
        return train.iloc[evenly(len(train), len(rows))]


def _some(raw: Path, contract: Contract) -> pd.DataFrame:
    """Return typed rows that have a target, evenly spaced."""
    file = pq.ParquetFile(raw)
    used = dict.fromkeys([contract.target, *contract.key, *filter(None, [contract.time]), *contract.inputs])
    truth = table.read(file, contract.target, contract.columns[contract.target], contract.decimal)
    filled = np.flatnonzero(truth.notna())
    some = filled[evenly(len(filled), min(ROWS, max(1000, CELLS // len(used))))]
    return pd.DataFrame(
        {name: table.read(file, name, contract.columns[name], contract.decimal).iloc[some] for name in used}
    )


def choose(contract: Contract, train: Train, rows: pd.DataFrame, share: float) -> tuple[dict[str, Any], float]:
    """Return the best of a few settings on *rows*, and its primary metric; shows each.

    *share* is the part of the train rows that *rows* are: in the whole, leaves of a forest keep their size, and of
    settings that are as good as the best those win that can learn more.
    """
    scores = []
    for candidate in CANDIDATES:
        scores.append(_tried(contract, train, candidate, rows))
        click.echo(f"  tried {_words(candidate)}: {scores[-1]:.4f}")
    enough = max(scores) - (CLOSE if share < 1 else 0)
    best = next(candidate for candidate, score in zip(CANDIDATES, scores, strict=True) if score >= enough)
    return _grown(best, share), max(scores)


def _tried(contract: Contract, train: Train, candidate: dict[str, Any], rows: pd.DataFrame) -> float:
    """Return the primary metric of *candidate*, cross-validated; of nothing where no fold holds every class."""
    folds = 3 if rows.size > MANY or len(rows) >= 10_000 else 5 if len(rows) >= 1000 else 10
    settings = train.model_dump()
    update(settings, candidate | {"folds": folds})
    try:
        with threadpool_limits(1):
            return float(np.mean(cross_validate(contract, Train.model_validate(settings), rows)))
    except ProjectError:
        return float("-inf")


def _grown(candidate: dict[str, Any], share: float) -> dict[str, Any]:
    if candidate["algorithm"] != "forest":
        return candidate
    forest = candidate["forest"]
    return candidate | {"forest": forest | {"min_leaf": max(1, round(forest["min_leaf"] / share))}}


def _words(candidate: dict[str, Any]) -> str:
    section = candidate.get(candidate["algorithm"], {})
    return " ".join([candidate["algorithm"], *(f"{key}={value}" for key, value in section.items())])
