"""Bootstrap intervals of metrics: computed on rows drawn with replacement, the same rows for each model."""

from collections.abc import Callable, Sequence

import numpy as np

from ..contract.contract import Contract
from . import ranking
from .metrics import calibration_error, summing_to_one

Measure = Callable[[np.ndarray], dict[str, float]]
CONFIDENCE = 0.95


def measure(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> Measure:
    """Return a function from the weights of the rows to every metric of `metrics.scores`.

    What does not depend on the weights, sorting above all, is done once, so that it can be called hundreds of times.
    """
    if contract.task == "regression":
        return _regression(truth, predicted.astype("float64") - truth)
    if contract.task == "multiclass":
        return _multiclass(truth, predicted, len(contract.classes))
    return _binary(contract, truth == 1, predicted, threshold)


def resample(measures: Sequence[Measure], rows: int, resamples: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Return, for each measure, every metric on each of *resamples* samples of the rows."""
    rng = np.random.default_rng(seed)
    samples: list[list[dict[str, float]]] = [[] for _ in measures]
    with np.errstate(invalid="ignore", divide="ignore"):  # a sample of few rows may lack a class: its metric is NaN
        for _ in range(resamples):
            weights = np.bincount(rng.integers(0, rows, rows), minlength=rows).astype("float64")
            for scores, compute in zip(samples, measures, strict=True):
                scores.append(compute(weights))
    arrays = [{name: np.array([draw[name] for draw in scores]) for name in scores[0]} for scores in samples]
    return [{name: np.where(np.isfinite(v), v, np.nan) for name, v in scores.items()} for scores in arrays]


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the interval that holds the middle 95 % of *values*; NaN where most are undefined."""
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _binary(contract: Contract, positive: np.ndarray, predicted: np.ndarray, threshold: float) -> Measure:
    decided, probability = predicted[:, 1] >= threshold, predicted[:, 1].astype("float64")
    order = np.argsort(-probability, kind="stable")
    ranked, actual = probability[order], positive[order].astype("float64")
    ties = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    loss, brier = _log_loss(positive.astype(int), predicted), (probability - positive) ** 2
    columns = [loss, brier, decided == positive, decided & positive, decided, positive]
    parts = np.column_stack(columns).astype("float64")

    def scores(weights: np.ndarray) -> dict[str, float]:
        drawn = weights[order]
        hits, all_rows = np.add.reduceat(drawn * actual, ties), np.add.reduceat(drawn, ties)
        hits_above, rows_above = hits.cumsum(), all_rows.cumsum()
        misses, positives, total = all_rows - hits, hits_above[-1], rows_above[-1]
        lower = (total - rows_above) - (positives - hits_above) + misses / 2  # negatives ranked lower; ties count half
        loss, brier, correct, true_positives, predicted_positives, actual_positives = weights @ parts
        marked = predicted_positives + actual_positives
        return {
            "roc_auc": hits @ lower / (positives * (total - positives)),
            "accuracy": correct / total,
            "log_loss": loss / total,
            "average_precision": hits @ (hits_above / np.maximum(rows_above, 1e-300)) / positives,
            "brier": brier / total,
            "calibration_error": calibration_error(positive, probability, weights),
            "precision": true_positives / predicted_positives if predicted_positives else 0.0,
            "recall": true_positives / actual_positives if actual_positives else 0.0,
            "f1": 2 * true_positives / marked if marked else 0.0,
        } | ranking.scores(contract, hits_above, rows_above)

    return scores


def _multiclass(truth: np.ndarray, predicted: np.ndarray, classes: int) -> Measure:
    decided = predicted.argmax(axis=1)
    codes, present = truth * classes + decided, np.union1d(truth, decided)
    loss = _log_loss(truth, predicted)

    def scores(weights: np.ndarray) -> dict[str, float]:
        confusion = np.bincount(codes, weights, classes**2).reshape(classes, classes)
        correct, actual, decided_as = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
        f1 = 2 * correct / np.maximum(actual + decided_as, 1e-300)
        total = actual.sum()
        return {
            "f1_macro": float(f1[present].mean()),
            "accuracy": correct.sum() / total,
            "log_loss": weights @ loss / total,
            "balanced_accuracy": float((correct[actual > 0] / actual[actual > 0]).mean()),
        }

    return scores


def _regression(truth: np.ndarray, error: np.ndarray) -> Measure:
    centred, size = truth - truth.mean(), np.abs(error)
    order = np.argsort(size, kind="stable")
    parts = np.column_stack([error**2, size, centred, centred**2])

    def scores(weights: np.ndarray) -> dict[str, float]:
        total = weights.sum()
        squared, absolute, mean, spread = (weights @ parts) / total
        up_to = weights[order].cumsum()
        middle = [np.searchsorted(up_to, total / 2, side=side) for side in ("left", "right")]
        return {
            "r2": 1 - squared / (spread - mean**2),
            "mae": absolute,
            "rmse": float(np.sqrt(squared)),
            "median_error": float(size[order[np.minimum(middle, len(order) - 1)]].mean()),
        }

    return scores


def _log_loss(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    smallest = np.finfo("float64").eps
    probability = np.take_along_axis(summing_to_one(predicted), truth[:, None], axis=1)[:, 0]
    loss: np.ndarray = -np.log(np.clip(probability, smallest, 1 - smallest))
    return loss
