"""Your model: one function that returns an estimator, which is trained, evaluated and exported to ONNX.

Its keyword arguments are the section `model` of params.yaml. The default builds boosting, a random forest or a linear
model behind the preprocessing that the contract asks for; docs/features.md shows how to return one of your own.
"""

from typing import Any

from sklearn.base import BaseEstimator

from mlgitops.contract.contract import Contract
from mlgitops.model import estimators


def build(contract: Contract, **settings: Any) -> BaseEstimator:
    """Return the unfitted estimator; it takes one column per feature of the contract."""
    return estimators.build(contract, **settings)
