"""Estimates the primary metric without outcomes, from calibrated probabilities; it cannot see a change of the target.

The method is known as confidence-based performance estimation (CBPE): each row counts as every class, weighted by its
calibrated probability.
"""

from collections.abc import Callable

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ..contract.contract import Contract
from ..model import bootstrap
from ..model.metrics import finite, name

Estimate = Callable[[np.ndarray], float | None]


def calibrated(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> Estimate | None:
    """Return a function from predictions to the estimated primary metric, calibrated on reference rows.

    None for regression, whose predictions have no probabilities.
    """
    if not contract.classes or len(np.unique(truth)) < 2:
        return None
    models = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(predicted[:, k], truth == k)
        for k in range(len(contract.classes))
    ]

    def estimate(new: np.ndarray) -> float | None:
        classes = len(models)
        shares = np.column_stack([model.predict(new[:, k]) for k, model in enumerate(models)])
        weights = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
        doubled, labels = np.repeat(new, classes, axis=0), np.tile(np.arange(classes), len(new))
        with np.errstate(invalid="ignore", divide="ignore"):
            measure = bootstrap.measure(contract, labels, doubled, threshold)
            value = measure(weights.reshape(-1))[name(contract)]
        return finite(value)

    return estimate
