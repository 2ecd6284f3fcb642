"""The primary metric in groups of the rows: one per value of a closed category or boolean."""

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Evaluate
from ..data import frame
from . import metrics


def slices(contract: Contract, rows: pd.DataFrame, predicted: np.ndarray, params: Evaluate) -> pd.DataFrame:
    """Return the primary metric of every value of the contract's closed categories: column, value, rows, metric."""
    truth, name = frame.target(rows, contract), metrics.PRIMARY[contract.task]
    found = []
    for column in contract.slices:
        cells = rows[column].astype("string").fillna("missing")
        for value, positions in sorted(cells.groupby(cells).indices.items()):
            score = metrics.primary(contract.task, truth[positions], predicted[positions])
            if len(positions) >= params.min_slice_rows and not np.isnan(score):
                found.append((column, value, len(positions), score))
    return pd.DataFrame(found, columns=["column", "value", "rows", name])
