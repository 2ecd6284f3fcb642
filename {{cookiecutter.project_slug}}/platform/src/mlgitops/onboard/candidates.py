"""The settings of the default model that adoption tries."""

from typing import Any

from ..contract.contract import Contract

BOOSTING = {"algorithm": "boosting"}
CANDIDATES: list[dict[str, Any]] = [  # settings of the default build(), the most flexible first
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 400, "learning_rate": 0.1, "max_leaf_nodes": 8, "min_samples_leaf": 20},
    {**BOOSTING, "max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 10},
    {**BOOSTING, "max_iter": 300, "learning_rate": 0.1, "max_leaf_nodes": 4, "min_samples_leaf": 2},
    {**BOOSTING, "max_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 4, "min_samples_leaf": 5},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 1},
    {"algorithm": "forest", "n_estimators": 100, "max_depth": 30, "min_samples_leaf": 5},
]
INVERSE_REGULARIZATIONS = (1.0, 0.1, 0.01)  # C of logistic regression; alpha of ridge regression is its inverse
MANY_CLASSES = 8  # boosting grows a tree per class: with more classes, it does fewer and larger steps
ROUGH_TREES = 40
MIN_ITER, MAX_LEARNING_RATE = 30, 0.3


def candidates(contract: Contract) -> list[dict[str, Any]]:
    """Return the candidates for a contract, the most flexible first."""
    name, power = ("alpha", -1) if contract.task == "regression" else ("C", 1)
    linear = [{"algorithm": "linear", name: strength**power} for strength in INVERSE_REGULARIZATIONS]
    return [*(_for_classes(candidate, len(contract.classes)) for candidate in CANDIDATES), *linear]


def _for_classes(candidate: dict[str, Any], classes: int) -> dict[str, Any]:
    if candidate["algorithm"] != "boosting" or classes <= MANY_CLASSES:
        return candidate
    fewer = max(MIN_ITER, round(candidate["max_iter"] * MANY_CLASSES / classes))
    rate = min(MAX_LEARNING_RATE, candidate["learning_rate"] * candidate["max_iter"] / fewer)
    return candidate | {"max_iter": fewer, "learning_rate": round(rate, 3)}


def rough(candidate: dict[str, Any]) -> dict[str, Any]:
    """Return a candidate that takes less time and scores nearly the same: a forest of fewer trees."""
    return candidate | ({"n_estimators": ROUGH_TREES} if candidate["algorithm"] == "forest" else {})


def describe(candidate: dict[str, Any]) -> str:
    """Return a candidate in words."""
    return " ".join(str(value) if key == "algorithm" else f"{key}={value:g}" for key, value in candidate.items())
