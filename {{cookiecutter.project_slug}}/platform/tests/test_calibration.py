"""Calibrated probabilities are shares of rows, and the ONNX model gives the same ones."""

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models, tables

from mlgitops.contract.params import Method
from mlgitops.data import frame
from mlgitops.model import calibration, metrics, train
from mlgitops.model.conversion import convert
from mlgitops.model.cross_validation import FoldPredictions
from mlgitops.model.trained import Trained

METHODS: list[Method] = ["sigmoid", "isotonic"]


def overconfident(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return classes, and probabilities that are far more extreme than the shares of the classes."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=count)
    truth = (rng.random(count) < 1 / (1 + np.exp(-logit))).astype(int)
    positive = 1 / (1 + np.exp(-4 * logit + 1))
    return truth, np.column_stack([1 - positive, positive])


@pytest.mark.parametrize("method", METHODS)
def test_overconfident_probabilities_become_shares_on_other_rows(method: Method) -> None:
    contract = contracts.contract({"x": "{type: number}"})
    curves = calibration.fit(method, contract, *overconfident(3000, 0))
    truth, predicted = overconfident(3000, 1)
    after = calibration.apply(curves, predicted)
    error = [metrics.calibration_error(truth == 1, values[:, 1]) for values in (predicted, after)]
    assert error[0] > 0.15
    assert error[1] < 0.04
    order = np.argsort(predicted[:, 1])
    assert (np.diff(after[order, 1]) >= 0).all(), "the order of the rows stays"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_onnx_model_calibrates_as_the_curves_do(task: str, method: Method) -> None:
    contract = contracts.wide(task)
    plain = convert(models.fitted("forest", task), contract)
    inputs = frame.features(frame.parse(tables.rows(task, 400, seed=1, strange=True), contract), contract)
    predicted, truth = Trained(plain, contract).predict(inputs), np.arange(400) % len(contract.classes)
    curves = calibration.fit(method, contract, truth, predicted)
    model = calibration.append(plain, curves)
    exported = Trained(model, contract).predict(inputs)
    np.testing.assert_allclose(exported, calibration.apply(curves, predicted), atol=2e-5)
    np.testing.assert_allclose(exported.sum(axis=1), 1, atol=1e-6)
    assert ((exported >= 0) & (exported <= 1)).all()
    assert np.abs(exported - predicted).max() > 0.05
    assert calibration.append(plain, curves) == model


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_at_the_ends_and_beyond_the_points_stay_probabilities(method: Method) -> None:
    contract = contracts.contract({"x": "{type: number}"})
    truth = np.array([0, 1] * 20)
    positive = np.where(truth == 1, 0.4, 0.2) + np.arange(40) / 1000
    curves = calibration.fit(method, contract, truth, np.column_stack([1 - positive, positive]))
    ends = np.array([0.0, 1e-9, 0.2, 0.5, 1.0])
    after = calibration.apply(curves, np.column_stack([1 - ends, ends]))
    assert ((after >= 0) & (after <= 1)).all()
    assert after[-1, 1] > 0.9 > 0.1 > after[0, 1]


def test_the_threshold_is_chosen_on_calibrated_probabilities_and_numbers_have_no_curve() -> None:
    contract = contracts.contract({"x": "{type: number}"})
    truth, predicted = overconfident(500, 2)
    folds = [FoldPredictions(truth, predicted, 0.8, np.arange(500))]
    curves = calibration.fit_on(contract, "sigmoid", folds)
    rows = frame.parse(pd.DataFrame({"x": np.arange(500.0), "y": truth == 1}), contract)
    plain, after = (train._report(contract, rows, folds, each)["thresholds"] for each in ([], curves))
    np.testing.assert_allclose(
        np.interp(plain["thresholds"], curves[0].x, curves[0].y).mean(), np.mean(after["thresholds"]), atol=0.05
    )
    assert calibration.fit_on(contract, None, folds) == []
    assert calibration.fit_on(contracts.contract({"x": "{type: number}"}, "regression"), "sigmoid", folds) == []
