"""Curves for the plots of an evaluation, as tables."""

import numpy as np
import pandas as pd
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from ..contract.contract import Contract
from .metrics import decided
from .ranking import cumulated, gain

CURVE_POINTS = 101  # enough to draw, few enough to diff


def curves(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> dict[str, pd.DataFrame]:
    """Return the curves of the contract's task, by name, as tables ready to plot."""
    if contract.task == "regression":
        return _number_curves(truth, predicted)
    tables = {"confusion": confusion(contract, truth, predicted, threshold)}
    binary = contract.task == "binary"
    return tables | (_binary_curves(truth, predicted[:, 1]) if binary else _confidence(truth, predicted))


def confusion(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> pd.DataFrame:
    """Return the rows by actual and predicted class, in the contract's order."""
    classes = list(contract.classes)
    counts = sk.confusion_matrix(truth, decided(contract, predicted, threshold), labels=range(len(classes)))
    cells = [
        (actual, predicted_class, int(rows))
        for actual, row in zip(classes, counts, strict=True)
        for predicted_class, rows in zip(classes, row, strict=True)
    ]
    return pd.DataFrame(cells, columns=["actual", "predicted", "rows"])


def _confidence(truth: np.ndarray, predicted: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the calibration of several classes: how often the class with the largest probability is right."""
    confidence, right = np.clip(predicted.max(axis=1), 0, 1), predicted.argmax(axis=1) == truth
    actual, expected = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    return {"calibration": pd.DataFrame({"predicted": expected, "actual": actual})}


def _binary_curves(truth: np.ndarray, probability: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the curves one after the other, since the points of one may be as many as the rows."""
    grid = np.linspace(0, 1, CURVE_POINTS)
    gained = gain(*cumulated(truth == 1, probability), grid)
    actual, expected = calibration_curve(truth, probability, n_bins=10, strategy="quantile")
    return {
        "roc": _roc(truth, probability, grid),
        "precision_recall": _precision_recall(truth, probability, grid),
        "calibration": pd.DataFrame({"predicted": expected, "actual": actual}),
        "gain": pd.DataFrame({"share of rows": grid, "share of positives": gained}),
        "lift": pd.DataFrame({"share of rows": grid[1:], "lift": gained[1:] / grid[1:]}),
    }


def _roc(truth: np.ndarray, probability: np.ndarray, grid: np.ndarray) -> pd.DataFrame:
    false_rate, true_rate, _ = sk.roc_curve(truth, probability)
    return pd.DataFrame({"false positive rate": grid, "true positive rate": np.interp(grid, false_rate, true_rate)})


def _precision_recall(truth: np.ndarray, probability: np.ndarray, grid: np.ndarray) -> pd.DataFrame:
    precision, recall, _ = sk.precision_recall_curve(truth, probability)
    return pd.DataFrame({"recall": grid, "precision": np.interp(grid, recall[::-1], precision[::-1])})


def _number_curves(truth: np.ndarray, predicted: np.ndarray) -> dict[str, pd.DataFrame]:
    error = predicted - truth
    shares = np.linspace(0, 1, CURVE_POINTS)
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, 10)
    return {
        "residuals": pd.DataFrame({"share of rows": shares, "residual": np.quantile(error, shares)}),
        "calibration": pd.DataFrame(
            {"predicted": [predicted[g].mean() for g in groups], "actual": [truth[g].mean() for g in groups]}
        ),
    }
