"""The platform's default model."""

from typing import Any

from sklearn.base import BaseEstimator

from mlgitops.contract.contract import Contract
from mlgitops.model import estimators


def build(contract: Contract, **settings: Any) -> BaseEstimator:
    """Return the unfitted estimator."""
    return estimators.build(contract, **settings)
