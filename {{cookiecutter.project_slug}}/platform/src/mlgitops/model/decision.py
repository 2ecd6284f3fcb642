"""The decision threshold of a binary model: a number, or the best one for an aim on cross-validated predictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.contract import Contract
from ..contract.params import Threshold

POINTS = 50  # thresholds that are tried between predictions of positive rows, and between those of all rows
USUAL = 0.5


@dataclass(frozen=True)
class Outcomes(Record):
    """How many positive and negative rows have at least the probability of each threshold, and how many there are."""

    thresholds: tuple[float, ...]
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...]
    positives: int
    negatives: int


def outcomes(positive: np.ndarray, probability: np.ndarray) -> Outcomes:
    """Return the outcomes of predictions that were made without the rows themselves; *positive* is boolean."""
    values = np.unique(np.concatenate([_spread(probability), _spread(probability[positive])]))
    between = [float(f"{number:.4g}") for number in (values[1:] + values[:-1]) / 2]
    thresholds = [number for number in dict.fromkeys(between) if 0 < number < 1] or [USUAL]
    reached = probability[:, None] >= np.array(thresholds)
    return Outcomes(
        tuple(thresholds),
        tuple(reached[positive].sum(axis=0).tolist()),
        tuple(reached[~positive].sum(axis=0).tolist()),
        int(positive.sum()),
        int((~positive).sum()),
    )


def _spread(probability: np.ndarray) -> np.ndarray:
    """Return all distinct probabilities, or POINTS quantiles of them."""
    values = np.unique(probability.astype("float64"))
    if len(values) <= POINTS:
        return values
    spread: np.ndarray = np.quantile(probability.astype("float64"), np.linspace(0, 1, POINTS), method="nearest")
    return spread


def best(table: Outcomes, aim: Threshold) -> float:
    """Return the threshold that is best for *aim*; of several, the one in the middle."""
    true_positives, false_positives = np.array(table.true_positives), np.array(table.false_positives)
    if aim == "f1":
        value = 2 * true_positives / np.maximum(true_positives + false_positives + table.positives, 1)
    elif aim == "youden":
        value = true_positives / max(table.positives, 1) - false_positives / max(table.negatives, 1)
    elif isinstance(aim, dict):
        misses = table.positives - true_positives
        value = -(aim["false_positive"] * false_positives + aim["false_negative"] * misses)
    else:
        return float(aim)
    ties = np.flatnonzero(value == value.max())
    return table.thresholds[int(ties[len(ties) // 2])]


def threshold(contract: Contract, setting: Threshold, report: dict[str, Any]) -> float:
    """Return the decision threshold of `evaluate.threshold`; *report* is that of train.

    Raises ProjectError if the setting is an aim, and the report has no cross-validated predictions.
    """
    if isinstance(setting, float):
        return setting
    if contract.task != "binary":
        return USUAL
    if "thresholds" not in report:
        raise ProjectError(
            f"params.yaml: evaluate.threshold: {describe(setting)}: an aim needs cross-validated predictions: run "
            "train, and give its report to evaluate (--cross-validation)"
        )
    return best(Outcomes(**report["thresholds"]), setting)


def describe(setting: Threshold) -> str:
    """Return the aim in words."""
    if isinstance(setting, dict):
        return "costs of " + " and ".join(f"{cost:g} per {name.replace('_', ' ')}" for name, cost in setting.items())
    return {"f1": "the largest f1", "youden": "the largest sum of both classes' recall"}.get(str(setting), "a number")
