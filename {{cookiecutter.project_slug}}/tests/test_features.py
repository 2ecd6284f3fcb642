"""A feature is the same wherever it is computed: all rows at once in training, one row in the service."""

import numpy as np
import pandas as pd
import pytest

from mlgitops import testing
from mlgitops.contract.contract import Contract

FEATURES = Contract.of_project().features
GROUPS = {
    "the columns": [feature.name for feature in FEATURES if not feature.function]
}  # as they are, or parts of dates
GROUPS |= {feature.name: [feature.name] for feature in FEATURES if feature.function}  # each function of features.py


@pytest.mark.parametrize("group", GROUPS)
def test_training_and_serving_compute_the_same(group: str, synthetic: pd.DataFrame, contract: Contract) -> None:
    trained, served = testing.trained(synthetic, contract), testing.served(synthetic, contract)
    for name in GROUPS[group]:
        np.testing.assert_array_equal(trained[name], served[name], err_msg=name)


@pytest.mark.parametrize("group", GROUPS)
def test_a_row_of_the_table_alone_is_the_same_as_among_others(
    group: str, rows: pd.DataFrame, contract: Contract
) -> None:
    together = testing.trained(rows, contract)
    for position in range(0, len(rows), max(1, len(rows) // 20)):
        alone = testing.trained(rows.iloc[[position]], contract)
        for name in GROUPS[group]:
            np.testing.assert_array_equal(alone[name][0], together[name][position], err_msg=name)


@pytest.mark.parametrize("group", GROUPS)
def test_values_may_be_missing(group: str, synthetic: pd.DataFrame, contract: Contract) -> None:
    computed = testing.trained(testing.without(synthetic, contract), contract)
    for name in GROUPS[group]:
        assert computed[name].shape == (len(synthetic), 1)


@pytest.mark.parametrize("group", GROUPS)
def test_numbers_are_finite_or_missing(group: str, rows: pd.DataFrame, contract: Contract) -> None:
    computed = testing.trained(rows, contract)
    for name in GROUPS[group]:
        assert computed[name].dtype == object or not np.isinf(computed[name]).any(), name


def test_every_function_is_described() -> None:
    assert [f.name for f in FEATURES if f.function and not f.function.description] == []
