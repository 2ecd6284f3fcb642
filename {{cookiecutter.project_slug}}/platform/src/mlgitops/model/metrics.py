"""The metrics of each task; the larger the primary one, the better."""

import math

import numpy as np
from sklearn import metrics as sk

from ..contract.contract import Contract, Task
from . import ranking

PRIMARY: dict[Task, str] = {"binary": "roc_auc", "multiclass": "f1_macro", "regression": "r2"}
LOSS_VALUES = 1 << 21  # probabilities whose loss is computed at once


def name(contract: Contract) -> str:
    """Return the name of the contract's primary metric."""
    return contract.metric or PRIMARY[contract.task]


def finite(value: float) -> float | None:
    """Return *value*, or None where JSON cannot hold it."""
    return float(value) if math.isfinite(value) else None


def primary(task: Task, truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the task's primary metric; NaN if undefined (only one class, or a constant target).

    *truth*: class indices or numbers, shape (rows,). *predicted*: probabilities (rows, classes) or numbers (rows,).
    """
    if len(np.unique(truth)) < 2:
        return float("nan")
    if task == "binary":
        return float(sk.roc_auc_score(truth, predicted[:, 1]))
    if task == "multiclass":
        return float(sk.f1_score(truth, predicted.argmax(axis=1), average="macro"))
    return float(sk.r2_score(truth, predicted))


def score(contract: Contract, truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the contract's primary metric; NaN if undefined. For the arguments see `primary`."""
    if contract.metric in (None, PRIMARY[contract.task]):
        return primary(contract.task, truth, predicted)
    if len(np.unique(truth)) < 2:
        return float("nan")
    return scores(contract, truth, predicted, 0.5)[name(contract)]


def scores(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> dict[str, float]:
    """Return every metric of the contract's task, the primary one first."""
    values = _scores(contract, truth, predicted, threshold)
    return {name(contract): values[name(contract)]} | values


def _scores(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> dict[str, float]:
    task = contract.task
    if task == "regression":
        return {
            "r2": primary(task, truth, predicted),
            "mae": float(sk.mean_absolute_error(truth, predicted)),
            "rmse": float(sk.root_mean_squared_error(truth, predicted)),
            "median_error": float(sk.median_absolute_error(truth, predicted)),
        }
    classes = of_classes(contract, truth, decided(contract, predicted, threshold))
    loss = {"accuracy": classes["accuracy"], "log_loss": log_loss(truth, predicted)}
    if task == "multiclass":
        return {"f1_macro": classes["f1_macro"]} | loss | classes
    return (
        {"roc_auc": primary(task, truth, predicted)}
        | loss
        | {
            "average_precision": float(sk.average_precision_score(truth, predicted[:, 1])),
            "brier": float(sk.brier_score_loss(truth, predicted[:, 1])),
            "calibration_error": calibration_error(truth == 1, predicted[:, 1].astype("float64")),
        }
        | classes
        | ranking.scores(contract, *ranking.cumulated(truth == 1, predicted[:, 1]))
    )


def decided(contract: Contract, predicted: np.ndarray, threshold: float) -> np.ndarray:
    """Return the predicted class of each row, an index into `contract.classes`, from probabilities (rows, classes)."""
    return (predicted[:, 1] >= threshold).astype(int) if contract.task == "binary" else predicted.argmax(axis=1)


def of_classes(contract: Contract, truth: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """Return those of `scores` that follow from the predicted *classes* alone, the primary one first."""
    accuracy = float(sk.accuracy_score(truth, classes))
    if contract.task == "binary":
        return {
            "accuracy": accuracy,
            "precision": float(sk.precision_score(truth, classes, zero_division=0)),
            "recall": float(sk.recall_score(truth, classes, zero_division=0)),
            "f1": float(sk.f1_score(truth, classes, zero_division=0)),
        }
    several = len(np.unique(truth)) > 1
    values = {
        "f1_macro": float(sk.f1_score(truth, classes, average="macro")) if several else float("nan"),
        "accuracy": accuracy,
        "balanced_accuracy": float(sk.balanced_accuracy_score(truth, classes)),
    }
    return {name(contract): values[name(contract)]} | values


def log_loss(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean log loss of probabilities (rows, classes), summed up in chunks: it takes many copies of them."""
    classes = np.arange(predicted.shape[1])
    rows = max(LOSS_VALUES // len(classes), 1)
    chunks = (slice(start, start + rows) for start in range(0, max(len(truth), 1), rows))
    sums = (sk.log_loss(truth[c], summing_to_one(predicted[c]), labels=classes, normalize=False) for c in chunks)
    return float(sum(sums) / len(truth))


def calibration_error(positive: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean distance of the mean probability from the share of positive rows, in ten bins of equal width."""
    weights = np.ones(len(probability)) if weights is None else weights
    bins = np.clip((probability * 10).astype(int), 0, 9)
    return float(np.abs(np.bincount(bins, weights * (probability - positive), 10)).sum() / weights.sum())


def summing_to_one(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities of shape (rows, classes) as float64, normalized to remove the rounding of float32."""
    exact = probabilities.astype("float64")
    return np.asarray(exact / exact.sum(axis=1, keepdims=True))
