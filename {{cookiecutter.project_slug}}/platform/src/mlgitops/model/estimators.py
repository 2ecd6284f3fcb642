"""The default estimators: gradient boosting, a random forest, or a linear model, each behind the same preprocessing."""

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

from ..contract.contract import Contract, Feature

ALGORITHMS: Mapping[str, tuple[type[BaseEstimator], type[BaseEstimator]]] = {  # for classes, and for numbers
    "boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "forest": (RandomForestClassifier, RandomForestRegressor),
    "linear": (LogisticRegression, Ridge),
}
DEFAULTS: Mapping[str, dict[str, Any]] = {  # where they are not scikit-learn's
    "boosting": {"early_stopping": False},  # it would hold out rows
    "forest": {"max_depth": 12, "min_samples_leaf": 20},
    "linear": {"max_iter": 1000},
}
UNKNOWN: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}


def build(contract: Contract, algorithm: str = "boosting", random_state: int = 0, **settings: Any) -> Pipeline:
    """Return the unfitted pipeline of an algorithm: boosting, forest or linear.

    *settings* are parameters of scikit-learn's class: HistGradientBoosting..., RandomForest..., LogisticRegression or
    Ridge. Raises ValueError for another algorithm and TypeError for another setting.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm {algorithm!r}: choose one of {', '.join(ALGORITHMS)}")
    estimator = ALGORITHMS[algorithm][contract.task == "regression"]
    known = estimator().get_params()
    for name in settings:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1, cutoff=0.69)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
            raise TypeError(f"{estimator.__name__}() got an unexpected keyword argument {name!r}{hint}")
    model = estimator(**DEFAULTS[algorithm] | settings | {"random_state": random_state})
    return Pipeline([("inputs", preprocessing(contract, algorithm, random_state)), ("model", model)])


def preprocessing(contract: Contract, algorithm: str = "linear", random_state: int = 0) -> ColumnTransformer:
    """Return what turns the contract's features into numbers, for an estimator of that kind.

    Trees take categories as numbers, and boosting takes missing numbers as they are; linear models need neither: use
    "linear" for an estimator that wants scaled numbers without gaps. Of a category with any number of values, trees see
    the mean target and a code, since a mean hides which value it was.
    """
    numbers = [f.name for f in contract.features if f.kind == "number"]
    closed = [f for f in contract.features if f.levels]
    opened = [f.name for f in contract.features if f.kind == "category" and not f.levels]
    several, linear = contract.task == "multiclass", algorithm == "linear"  # of several classes there is no mean
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    filled = make_pipeline(fill, StandardScaler()) if linear else fill
    code = OneHotEncoder(handle_unknown="ignore") if linear else OrdinalEncoder(**UNKNOWN)
    steps = [
        ("numbers", "passthrough" if algorithm == "boosting" else filled, numbers),
        ("closed", _closed(closed, linear), [f.name for f in closed]),
        ("means", _means(contract, linear, random_state), [] if several else opened),
        ("codes", code, opened if several or not linear else []),
    ]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.3)


def _closed(features: list[Feature], linear: bool) -> BaseEstimator:
    levels = [list(f.levels or ()) for f in features]
    if linear:
        return OneHotEncoder(categories=levels, handle_unknown="ignore")
    return OrdinalEncoder(categories=levels, **UNKNOWN)


def _means(contract: Contract, linear: bool, random_state: int) -> BaseEstimator:
    folds = (KFold if contract.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=random_state)
    encoder = TargetEncoder(target_type="continuous" if contract.task == "regression" else "binary", cv=folds)
    return make_pipeline(encoder, StandardScaler()) if linear else encoder
