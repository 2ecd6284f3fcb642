"""Lets trees follow the directions of the contract: `behaviour.increases_with` and `behaviour.decreases_with`.

Scikit-learn, LightGBM, XGBoost and CatBoost take one sign for each column that comes out of the preprocessing.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from ..contract.contract import Contract

SCIKIT_LEARN, OTHERS = "monotonic_cst", "monotone_constraints"  # names of the setting
LIBRARIES = ("lightgbm", "xgboost", "catboost")
ONE_TO_ONE = (SimpleImputer, OrdinalEncoder, TargetEncoder)  # one column for each that they read; so is "passthrough"


def constrain(estimator: BaseEstimator, contract: Contract, inputs: pd.DataFrame, truth: np.ndarray) -> None:
    """Set the directions of the contract in an unfitted estimator that takes them; *inputs* and *truth* are its rows.

    The estimator must be a pipeline of `estimators.preprocessing` and trees. A direction that model.py sets is kept.
    """
    signs, name = _signs(estimator, contract), _setting(estimator)
    if any(signs) and name and estimator[-1].get_params().get(name) is None:
        front = estimator[0]
        width = _width(front, inputs, truth)
        value: Any = [*signs, *[0] * (width - len(signs))]
        estimator[-1].set_params(
            **{name: f"({','.join(map(str, value))})" if _library(estimator) == "xgboost" else value}
        )


def enforced(fitted: BaseEstimator, contract: Contract) -> tuple[str, ...]:
    """Return the columns whose direction, or whose lack of influence, the training has guaranteed.

    Functions of features.py may turn it round, so that columns which they read are not among these.
    """
    computed = {name for feature in contract.features if feature.function for name in feature.function.columns}
    signs, name = _signs(fitted, contract), _setting(fitted)
    directed = [c for c, sign in zip(_numbers(contract), signs, strict=False) if sign] if name else []
    return tuple(column for column in (*directed, *contract.behaviour.unchanged_by) if column not in computed)


def _signs(estimator: BaseEstimator, contract: Contract) -> list[int]:
    """Return the sign of each number, which come first out of the preprocessing; nothing if that is another one."""
    front = estimator[0] if isinstance(estimator, Pipeline) and len(estimator) == 2 else None
    if not isinstance(front, ColumnTransformer) or not front.transformers or front.transformers[0][0] != "numbers":
        return []
    directions = contract.behaviour.directions
    return [directions.get(column, 0) for column in _numbers(contract)]


def _numbers(contract: Contract) -> list[str]:
    """Return the column of each feature that is a number; "" for one that is computed from columns."""
    numbers = [feature for feature in contract.features if feature.kind == "number"]
    return ["" if feature.function or feature.part else feature.column for feature in numbers]


def _setting(estimator: BaseEstimator) -> str | None:
    """Return the name of the setting with which the last step takes directions; None if it takes none."""
    if not isinstance(estimator, Pipeline):
        return None
    if SCIKIT_LEARN in estimator[-1].get_params():
        return SCIKIT_LEARN
    return OTHERS if _library(estimator) in LIBRARIES else None


def _library(estimator: Pipeline) -> str:
    return type(estimator[-1]).__module__.partition(".")[0]


def _width(front: ColumnTransformer, inputs: pd.DataFrame, truth: np.ndarray) -> int:
    """Return the number of columns that come out of the preprocessing."""
    if all(step == "passthrough" or isinstance(step, ONE_TO_ONE) for _, step, _ in front.transformers):
        return sum(len(columns) for _, _, columns in front.transformers)
    return int(clone(front).fit(inputs, truth).transform(inputs.iloc[:2]).shape[1])
