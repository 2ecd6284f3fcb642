"""The primary metric by slice: the rows with one value of a boolean, or of a category with a list of values."""

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Evaluate
from ..data import frame
from . import metrics


def slices(contract: Contract, rows: pd.DataFrame, predicted: np.ndarray, params: Evaluate) -> pd.DataFrame:
    """Return the primary metric of each slice: column, value, rows, metric."""
    truth, name = frame.target(rows, contract), metrics.name(contract)
    table = []
    for column in contract.slices:
        values = rows[column].astype("string").fillna("missing")
        for value, positions in sorted(values.groupby(values).indices.items()):
            score = metrics.score(contract, truth[positions], predicted[positions])
            if len(positions) >= params.min_slice_rows and not np.isnan(score):
                table.append((column, value, len(positions), score))
    return pd.DataFrame(table, columns=["column", "value", "rows", name])
