"""The model learns, answers each row by itself, is the same each time, and is exported as it is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from mlgitops import testing
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.model import pipeline
from mlgitops.model.parity import parity


@pytest.fixture(scope="module")
def fitted(synthetic: pd.DataFrame, contract: Contract, params: Params) -> BaseEstimator:
    """Return the model fitted on made-up rows."""
    return testing.fit(synthetic, contract, params)


def test_it_answers_every_row(fitted: BaseEstimator, synthetic: pd.DataFrame, contract: Contract) -> None:
    predicted = testing.predictions(fitted, synthetic, contract)
    assert len(predicted) == len(synthetic)
    assert np.isfinite(predicted).all()
    if contract.classes:
        assert predicted.shape == (len(synthetic), len(contract.classes))
        np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)


def test_it_is_better_than_always_predicting_the_same(rows: pd.DataFrame, contract: Contract, params: Params) -> None:
    model, baseline = testing.against_baseline(rows, contract, params)
    assert model > baseline


def test_it_answers_rows_with_missing_values(
    fitted: BaseEstimator, synthetic: pd.DataFrame, contract: Contract
) -> None:
    assert np.isfinite(testing.predictions(fitted, testing.without(synthetic, contract), contract)).all()


def test_its_answer_does_not_depend_on_other_rows(
    fitted: BaseEstimator, synthetic: pd.DataFrame, contract: Contract
) -> None:
    forward = testing.predictions(fitted, synthetic, contract)
    backward = testing.predictions(fitted, synthetic.iloc[::-1], contract)
    np.testing.assert_allclose(backward[::-1], forward, rtol=1e-6)
    np.testing.assert_allclose(testing.predictions(fitted, synthetic.iloc[:1], contract), forward[:1], rtol=1e-6)


def test_the_same_rows_give_the_same_model(
    fitted: BaseEstimator, synthetic: pd.DataFrame, contract: Contract, params: Params
) -> None:
    again = testing.fit(synthetic, contract, params)
    first, second = (testing.predictions(model, synthetic, contract) for model in (fitted, again))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("missing", [False, True], ids=["usual rows", "missing values"])
def test_its_export_predicts_the_same(
    missing: bool, fitted: BaseEstimator, synthetic: pd.DataFrame, contract: Contract, params: Params
) -> None:
    rows = testing.without(synthetic, contract) if missing else synthetic
    trained, exported = testing.predictions(fitted, rows, contract), testing.exported(fitted, rows, contract)
    parity(contract, trained, exported, params.export)  # raises where they differ by more than the tolerance


def test_an_unknown_setting_is_refused(contract: Contract, params: Params) -> None:
    with pytest.raises(ProjectError):
        pipeline.build(contract, {**params.model, "no_such_setting": 1})
