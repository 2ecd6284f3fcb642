"""Prediction intervals by conformal prediction: from the errors of cross-validated predictions, for any estimator."""

import math
from collections.abc import Sequence

import numpy as np

from ..common.errors import ProjectError
from ..contract.contract import Contract
from .coverage import Coverage
from .cross_validation import FoldPredictions, joined


def offsets(contract: Contract, validated: Sequence[FoldPredictions]) -> tuple[float, float] | None:
    """Return what is added to a prediction to get both ends of its interval; None unless the contract asks for it.

    Each end leaves out half of the rows that may be outside; the rank is the one that guarantees the coverage for rows
    that are drawn as the train rows were. Raises ProjectError if there are too few rows for the coverage.
    """
    if contract.interval is None:
        return None
    truth, predicted = joined(validated)
    errors = np.sort(truth - predicted.astype("float64"))
    count, outside = len(errors), (1 - contract.interval) / 2
    rank = math.ceil((count + 1) * (1 - outside))  # of the upper end, from 1; the lower end mirrors it
    if rank > count:
        needed = math.ceil(1 / outside)
        raise ProjectError(
            f"contract.yaml: interval: {contract.interval:g} needs at least {needed} cross-validated rows, there are "
            f"{count}: add rows, or lower it"
        )
    return float(errors[count - rank]), float(errors[rank - 1])


def measured(limits: tuple[float, float], truth: np.ndarray, predicted: np.ndarray) -> Coverage:
    """Return the coverage on rows that were not used to find the interval."""
    low, high = (predicted.astype("float64") + offset for offset in limits)
    return Coverage(float(((low <= truth) & (truth <= high)).mean()), limits[1] - limits[0])
