"""The primary metric by slice: the rows with one value of a boolean, or of a category with a list of values."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Evaluate
from ..data import frame
from . import metrics


def slices(contract: Contract, rows: pd.DataFrame, predicted: np.ndarray, params: Evaluate) -> pd.DataFrame:
    """Return the primary metric of each slice: column, value, rows, metric."""
    return scored(contract, labels(contract, rows), frame.target(rows, contract), predicted, params)


def labels(contract: Contract, rows: pd.DataFrame) -> dict[str, pd.Categorical]:
    """Return the slice of each row, by the column whose values the slices are."""
    return {name: pd.Categorical(rows[name].astype("string").fillna("missing")) for name in contract.slices}


def scored(
    contract: Contract,
    labels: Mapping[str, pd.Categorical],
    truth: np.ndarray,
    predicted: np.ndarray,
    params: Evaluate,
) -> pd.DataFrame:
    """Return the same for rows of which the slices, the target and the predictions are known."""
    table = []
    for column, values in labels.items():
        for value in sorted(values.categories):
            positions = np.flatnonzero(values.codes == values.categories.get_loc(value))
            score = metrics.score(contract, truth[positions], predicted[positions])
            if len(positions) >= params.min_slice_rows and not np.isnan(score):
                table.append((column, value, len(positions), score))
    return pd.DataFrame(table, columns=["column", "value", "rows", metrics.name(contract)])
