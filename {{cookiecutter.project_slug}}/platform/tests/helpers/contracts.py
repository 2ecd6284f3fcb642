"""Contracts and settings of small tables, and the example project that stands for any."""

from pathlib import Path
from typing import Any

import yaml

from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params

EXAMPLE = Path(__file__).parents[1] / "example"
ALGORITHMS = ("linear", "boosting", "forest")
TARGETS = {
    "binary": "{type: boolean}",
    "multiclass": "{type: category, categories: [low, mid, high]}",
    "regression": "{type: number}",
}
SETTINGS: dict[str, dict[str, Any]] = {  # of small models, which are fitted in a moment
    "linear": {},
    "boosting": {"max_iter": 10, "learning_rate": 0.2, "max_leaf_nodes": 8, "min_samples_leaf": 5},
    "forest": {"n_estimators": 5, "max_depth": 6, "min_samples_leaf": 2},
}


def settings(algorithm: str) -> dict[str, Any]:
    """Return the section `model` of params.yaml for *algorithm* and small tables."""
    return {"algorithm": algorithm, "random_state": 7, **SETTINGS[algorithm]}


PARAMS = Params.load(EXAMPLE / "params.yaml").model_copy(update={"model": settings("boosting")})


def example() -> Contract:
    """Return the contract of the example project with its features."""
    return Contract.with_features(EXAMPLE / "contract.yaml", EXAMPLE / "src/example/features.py")


def contract(columns: dict[str, str], task: str = "binary", **more: object) -> Contract:
    """Return a contract of *columns*, each as YAML, and the target y."""
    every = {name: yaml.safe_load(column) for name, column in {**columns, "y": TARGETS[task]}.items()}
    return Contract.model_validate({"task": task, "target": "y", "min_rows": 1, "columns": every, **more})


def wide(task: str = "binary", **more: object) -> Contract:
    """Return a contract with a column of every type, some of them with names that no program likes."""
    columns = {
        "plain": "{type: number}",
        "gaps": "{type: number, missing: true}",
        "nothing": "{type: number, missing: true}",
        "large": "{type: number}",
        "close": "{type: number}",
        "count of things": "{type: integer, missing: true}",
        "2nd.flag": "{type: boolean, missing: true}",
        "été": '{type: category, categories: [a, b b, "ç"], missing: true}',
        "city": "{type: category, missing: true}",
        "seen": "{type: datetime, missing: true}",
        "day": "{type: date, parts: [days, weekday]}",
    }
    return contract(columns, task, **more)
