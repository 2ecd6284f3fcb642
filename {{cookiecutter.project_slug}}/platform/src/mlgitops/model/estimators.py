"""The default estimators: gradient boosting, a random forest, or a linear model, each with preprocessing."""

import difflib
from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from ..contract.contract import Contract
from ..contract.model_inputs import Feature
from .words import Words

ALGORITHMS: Mapping[str, tuple[type[BaseEstimator], type[BaseEstimator]]] = {  # (classifier, regressor)
    "boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "forest": (RandomForestClassifier, RandomForestRegressor),
    "linear": (LogisticRegression, Ridge),
}
DEFAULTS: Mapping[str, dict[str, Any]] = {  # where they differ from scikit-learn's
    "boosting": {"early_stopping": False},  # early stopping would hold out rows
    "forest": {"max_depth": 12, "min_samples_leaf": 20},
    "linear": {"max_iter": 1000},
}
UNKNOWN_CATEGORY: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}


def build(contract: Contract, algorithm: str = "boosting", random_state: int = 0, **settings: Any) -> Pipeline:
    """Return the unfitted pipeline of an algorithm: boosting, forest or linear.

    *settings* are parameters of the scikit-learn class: HistGradientBoosting..., RandomForest..., LogisticRegression or
    Ridge. Raises ValueError for an unknown algorithm and TypeError for an unknown setting.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm {algorithm!r}: choose one of {', '.join(ALGORITHMS)}")
    estimator = ALGORITHMS[algorithm][contract.task == "regression"]
    parameters = estimator().get_params()
    for name in settings:
        if name not in parameters:
            close = difflib.get_close_matches(name, parameters, 1, cutoff=0.69)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(parameters)}"
            raise TypeError(f"{estimator.__name__}() got an unexpected keyword argument {name!r}{hint}")
    model = estimator(**DEFAULTS[algorithm] | settings | {"random_state": random_state})
    return Pipeline([("inputs", preprocessing(contract, algorithm, random_state)), ("model", model)])


def preprocessing(contract: Contract, algorithm: str = "linear", random_state: int = 0) -> ColumnTransformer:
    """Return the transformer of the contract's features into numbers, for an estimator of that kind.

    Trees take categories as numbers, and boosting also takes missing numbers; use "linear" for any estimator that needs
    scaled numbers without missing values. For a category without a list of values, trees get the mean target and a
    code, because values with the same mean could not be told apart.
    """
    numbers = [f.name for f in contract.features if f.kind == "number"]
    closed = [f for f in contract.features if f.levels]
    opened = [f.name for f in contract.features if f.kind == "category" and not f.levels]
    texts = [f for f in contract.features if f.kind == "text"]
    multiclass, linear = contract.task == "multiclass", algorithm == "linear"  # several classes have no mean
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    filled = make_pipeline(fill, StandardScaler()) if linear else fill
    code = OneHotEncoder(handle_unknown="ignore") if linear else OrdinalEncoder(**UNKNOWN_CATEGORY)
    steps = [
        ("numbers", "passthrough" if algorithm == "boosting" else filled, numbers),
        ("closed", _closed(closed, linear), [f.name for f in closed]),
        ("means", _means(contract, linear, random_state), [] if multiclass else opened),
        ("codes", code, opened if multiclass or not linear else []),
        *((f"words of {f.name}", Words(f.words or 1, contract.task != "regression"), [f.name]) for f in texts),
    ]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.3)


def _closed(features: list[Feature], linear: bool) -> BaseEstimator:
    levels = [list(f.levels or ()) for f in features]
    if linear:
        return OneHotEncoder(categories=levels, handle_unknown="ignore")
    return OrdinalEncoder(categories=levels, **UNKNOWN_CATEGORY)


def _means(contract: Contract, linear: bool, random_state: int) -> BaseEstimator:
    folds = (KFold if contract.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=random_state)
    encoder = TargetEncoder(target_type="continuous" if contract.task == "regression" else "binary", cv=folds)
    return make_pipeline(encoder, StandardScaler()) if linear else encoder
