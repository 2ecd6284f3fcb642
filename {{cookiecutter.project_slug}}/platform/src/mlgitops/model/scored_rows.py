"""The rows that a model was evaluated on: their targets, predictions and slices, without the features."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from ..contract.contract import Contract
from ..data import frame, part_rows
from . import slices
from .trained import Trained


@dataclass(frozen=True)
class ScoredRows:
    """For each row the target, see `frame.target`, the prediction, and its slice of each column; see `slices`."""

    truth: np.ndarray
    predicted: np.ndarray
    labels: dict[str, pd.Categorical]


def score(path: Path, contract: Contract, model: Trained) -> ScoredRows:
    """Return what *model* predicts for the part *path*, of which a chunk is in memory at once."""
    truth, predicted, labels = [], [], []
    for rows in part_rows.chunks(path):
        truth.append(frame.target(rows, contract))
        predicted.append(model.predict(frame.features(rows, contract)))
        labels.append(slices.labels(contract, rows))
    joined = {name: union_categoricals([part[name] for part in labels]) for name in contract.slices}
    return ScoredRows(np.concatenate(truth), np.concatenate(predicted), joined)
