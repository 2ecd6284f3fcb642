"""The folds of the cross-validation, which separate rows as the split does."""

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Train
from ..data.row_source import FrameRows
from ..data.units import strata, units

Fold = tuple[np.ndarray, np.ndarray]


def folds(contract: Contract, params: Train, rows: pd.DataFrame, truth: np.ndarray) -> Iterator[Fold]:
    """Yield the positions of train rows and of test rows; rows that the split keeps together are in the same fold.

    With a time column, each fold is tested on later rows (of later groups, if there is a group too); *rows* are in the
    order of the train part. With fewer groups than folds, there are as many folds as groups allow. Raises ProjectError
    if these are too few for two.
    """
    if contract.time and not contract.group:
        yield from TimeSeriesSplit(params.folds).split(rows)
        return
    hashed = units(FrameRows(rows), contract)
    _, first, codes = np.unique(hashed, return_index=True, return_inverse=True)
    count = params.folds
    if contract.group:
        count = min(count, len(first) - bool(contract.time))
        if count < 2:
            raise ProjectError(
                f"train: {contract.group} has {len(first)} values in the train part, which are too few for two folds: "
                "choose another group in contract.yaml"
            )
    elif len(first) < count:
        codes = first = np.arange(len(rows))  # too few distinct rows to keep together
        hashed = codes.astype("uint64")
    if contract.time:
        rank = np.argsort(np.argsort(first))  # of each unit, in the order of the rows
        splits = ((np.isin(rank[codes], a), np.isin(rank[codes], b)) for a, b in _in_order(count, len(first)))
    else:
        splits = ((~test, test) for test in _stratified(contract, params, count, hashed, truth, first))
    for train, test in splits:
        yield np.flatnonzero(train), np.flatnonzero(test)


def _in_order(folds: int, units: int) -> Iterator[Fold]:
    yield from TimeSeriesSplit(folds).split(np.arange(units))


def _stratified(
    contract: Contract, params: Train, count: int, hashed: np.ndarray, truth: np.ndarray, first: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield for each fold whether a row is tested; each has its share of the units of every class."""
    classes = truth if contract.classes else np.zeros(len(truth), dtype="int64")
    position, stratum, _ = strata(hashed, classes)
    if np.bincount(stratum).max() < count:  # no class has a unit for each fold
        stratum = np.zeros_like(stratum)
    order = np.argsort(first)  # the units in the order of the rows
    kind = StratifiedKFold(count, shuffle=True, random_state=params.random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # rare classes are named elsewhere
        splits = list(kind.split(order, stratum[order]))
    for _, tested in splits:
        yield np.isin(position, order[tested])
