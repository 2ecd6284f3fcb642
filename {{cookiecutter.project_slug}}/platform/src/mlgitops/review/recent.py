"""Compares both models on the newest rows with outcomes: of production if its log has the inputs, else of the data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..data.profile import column
from ..monitoring.labelled import labelled
from ..monitoring.place import Place
from . import row_change
from .compare import metric_scores
from .inputs import Model, RecentRows
from .measure import predictions
from .performance import Recent

PRODUCTION, DATA = "newest rows of production", "newest rows of the data"
AT = "log.at"


def rows(contract: Contract, params: Params, train: Path | None, known: pd.DataFrame) -> RecentRows | None:
    """Return the newest rows as `review.recent` says; None where it is not set, or nothing says what is new.

    *train* is the train part of the candidate, *known* the rows that neither model was trained on, or the test part.
    """
    if params.review.recent is None:
        return None
    logged = labelled(Place(params.monitor.predictions), contract)
    if len(logged):
        logged = logged[row_change.accepted(logged, contract) & ~_learned(logged, train, contract)]
        logged = newest(logged, AT, params.review.recent)
    if len(logged) >= params.monitor.min_rows:
        return RecentRows(logged.reset_index(drop=True), PRODUCTION)
    if not contract.time:
        return None
    return RecentRows(newest(known, contract.time, params.review.recent).reset_index(drop=True), DATA)


def newest(table: pd.DataFrame, time: str, setting: int | str) -> pd.DataFrame:
    """Return the newest rows: a number of them, or those of the last days such as 28d."""
    if not len(table):
        return table
    if isinstance(setting, int):
        return table.iloc[np.argsort(table[time].to_numpy(), kind="stable")[-setting:]]
    return table[table[time] > table[time].max() - pd.Timedelta(days=int(setting.removesuffix("d")))]


def compare(candidate: Model, champion: Model | None, recent: RecentRows | None, params: Params) -> Recent | None:
    """Return the primary metric of both models on the *recent* rows, with its interval; None without a comparison."""
    if champion is None or recent is None or not len(recent.rows):
        return None
    contract, models = candidate.scorer.contract, [predictions(model, recent.rows) for model in (candidate, champion)]
    truth = np.asarray(frame.target(recent.rows, contract))
    score = metric_scores(contract, truth, models, params.review)[0].score
    return Recent(len(recent.rows), recent.which, len(recent.rows) >= params.monitor.min_rows, score)


def _learned(table: pd.DataFrame, train: Path | None, contract: Contract) -> np.ndarray:
    """Return which rows may be in the train part: by their time, or else by their inputs."""
    if train is None or not train.is_file():
        return np.zeros(len(table), dtype=bool)
    if contract.time:
        return np.asarray(table[contract.time] <= column(train, contract.time).max(), dtype=bool)
    file, names = pq.ParquetFile(train), list(contract.inputs)
    learned = pd.DataFrame({name: frame.read(file, name, None) for name in names})
    known: np.ndarray = np.isin(frame.hashes(table[names].astype(str)), frame.hashes(learned.astype(str)))
    return known
