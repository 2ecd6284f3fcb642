"""LightGBM, XGBoost and CatBoost answer as ONNX what they answered, on rows of every kind.

LIBRARIES names those that are installed; by default it is LightGBM, which stands for its kind.
"""

import importlib
import os
from typing import Any

import numpy as np
import pytest
from helpers import contracts, tables
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from mlgitops.common import project
from mlgitops.data import frame
from mlgitops.model import conversion, estimators, monotonic, pipeline
from mlgitops.model.trained import Trained

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "lightgbm": ("LGBM", {"n_estimators": 20, "min_child_samples": 5, "n_jobs": 1, "verbose": -1}),
    "xgboost": ("XGB", {"n_estimators": 20, "max_depth": 4, "n_jobs": 1}),
    "catboost": ("CatBoost", {"iterations": 20, "thread_count": 1, "verbose": False, "allow_writing_files": False}),
}
LIBRARIES = os.environ.get("LIBRARIES", "lightgbm").split()
EACH = [(library, task) for library in LIBRARIES for task in contracts.TARGETS]


def estimator(library: str, task: str) -> BaseEstimator:
    """Return a small estimator of the library."""
    prefix, settings = SETTINGS[library]
    kind = "Regressor" if task == "regression" else "Classifier"
    made: BaseEstimator = getattr(importlib.import_module(library), f"{prefix}{kind}")(random_state=0, **settings)
    return made


@pytest.mark.parametrize(("library", "task"), EACH)
def test_trained_and_exported_agree_on_rows_unlike_those_of_training(
    library: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.wide(task)
    rows, strange = tables.rows(task), tables.rows(task, 500, seed=1, strange=True)
    inputs, asked = (frame.features(frame.parse(table, contract), contract) for table in (rows, strange))
    steps = [("inputs", estimators.preprocessing(contract, "boosting")), ("model", estimator(library, task))]
    monkeypatch.setattr(project.module(project.MODEL), "build", lambda *_, **__: Pipeline(steps))
    fitted = pipeline.fit(contract, {}, inputs, frame.target(frame.parse(rows, contract), contract))
    model = conversion.convert(fitted, contract)
    exported, expected = Trained(model, contract).predict(asked), pipeline.predict(fitted, asked, contract)
    assert np.ptp(expected, axis=0).max() > 0.05, "it has learned something"
    size = 1 if contract.classes else np.abs(expected).mean()
    np.testing.assert_allclose(exported / size, expected / size, rtol=1e-4, atol=1e-5)
    assert conversion.convert(fitted, contract) == model


@pytest.mark.parametrize(("library", "task"), [each for each in EACH if each[1] != "multiclass"])
def test_trees_follow_the_directions_of_the_contract(library: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = {"increases_with": ["plain"], "decreases_with": ["large"]}
    contract = contracts.wide(task, behaviour=stated)
    rows = frame.parse(tables.rows(task), contract)
    inputs, truth = frame.features(rows, contract), frame.target(rows, contract)
    rising = inputs.iloc[[0] * 40].assign(plain=np.linspace(*np.quantile(inputs["plain"], [0, 1]), 40, dtype="float32"))
    falling = inputs.iloc[[0] * 40].assign(
        large=np.linspace(*np.quantile(inputs["large"], [0, 1]), 40, dtype="float32")
    )
    steps = [("inputs", estimators.preprocessing(contract, "boosting")), ("model", estimator(library, task))]
    monkeypatch.setattr(project.module(project.MODEL), "build", lambda *_, **__: Pipeline(steps))
    fitted = pipeline.fit(contract, {}, inputs, truth)
    assert monotonic.enforced(fitted, contract) == ("plain", "large")
    for asked, sign in ((rising, 1), (falling, -1)):
        answers = np.asarray(pipeline.predict(fitted, asked, contract), dtype="float64").reshape(40, -1)[:, -1]
        assert (np.diff(answers) * sign >= -1e-6 * np.abs(answers).max()).all()
