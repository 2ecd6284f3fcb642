"""Builds the scikit-learn pipeline that the contract and params.yaml ask for."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException
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

from .config import ProjectError
from .contract import Contract, Feature
from .settings import Train

TRUSTED = [  # what our estimators hold beyond what skops itself trusts
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.utils.validation.check_array",
]
ADDRESS = re.compile(r"\d{9,}")  # an object's address in memory, as skops writes it


def build(contract: Contract, params: Train) -> Pipeline:
    """Return the unfitted pipeline; it takes the frame that `train.features` makes, one column per feature."""
    return Pipeline([("inputs", _inputs(contract, params)), ("model", _model(contract, params))])


def _inputs(contract: Contract, params: Train) -> ColumnTransformer:
    """Trees take categories as numbers and boosting takes missing numbers as they are; linear models need neither."""
    numbers = [f.name for f in contract.features if f.kind == "number"]
    closed = [f for f in contract.features if f.levels]
    opened = [f.name for f in contract.features if f.kind == "category" and not f.levels]
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    if params.algorithm == "linear":
        number: Any = make_pipeline(fill, StandardScaler())
    else:
        number = "passthrough" if params.algorithm == "boosting" else fill
    steps = [
        ("numbers", number, numbers),
        ("closed", _closed(closed, params), [f.name for f in closed]),
        ("open", _open(contract, params), opened),
    ]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.3)


def _closed(features: list[Feature], params: Train) -> BaseEstimator:
    levels = [list(f.levels or ()) for f in features]
    if params.algorithm == "linear":
        return OneHotEncoder(categories=levels, handle_unknown="ignore")
    return OrdinalEncoder(categories=levels, handle_unknown="use_encoded_value", unknown_value=-1)


def _open(contract: Contract, params: Train) -> BaseEstimator:
    """Encode categories with any number of values by their mean target; of several classes there is no mean."""
    if contract.task == "multiclass":
        if params.algorithm == "linear":
            return OneHotEncoder(handle_unknown="ignore")
        return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    folds = (KFold if contract.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=params.seed)
    encoder = TargetEncoder(cv=folds)
    return make_pipeline(encoder, StandardScaler()) if params.algorithm == "linear" else encoder


def _model(contract: Contract, params: Train) -> BaseEstimator:
    number = contract.task == "regression"
    if params.algorithm == "linear":
        strength = params.linear.strength
        return Ridge(alpha=1 / strength) if number else LogisticRegression(C=strength, max_iter=1000)
    if params.algorithm == "forest":
        forest = RandomForestRegressor if number else RandomForestClassifier
        f = params.forest
        return forest(f.trees, max_depth=f.depth, min_samples_leaf=f.min_leaf, random_state=params.seed)
    boosting = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    b = params.boosting
    return boosting(
        max_iter=b.iterations,
        learning_rate=b.learning_rate,
        max_leaf_nodes=b.leaves,
        min_samples_leaf=b.min_leaf,
        l2_regularization=b.l2,
        early_stopping=False,
        random_state=params.seed,
    )


def save(pipeline: Pipeline, path: Path) -> None:
    """Write the fitted pipeline as skops (no pickle), byte for byte the same whenever the pipeline is the same."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as source, zipfile.ZipFile(path, "w") as target:
        schema = source.read("schema.json").decode()
        # skops names objects by their memory address: number them in the order in which they appear
        numbers = {old: str(n) for n, old in enumerate(dict.fromkeys(ADDRESS.findall(schema)))}
        members = {
            ADDRESS.sub(lambda m: numbers.get(m[0], m[0]), name): source.read(name) for name in source.namelist()
        }
        members["schema.json"] = ADDRESS.sub(lambda m: numbers[m[0]], schema).encode()
        for name in sorted(members):
            target.writestr(zipfile.ZipInfo(name), members[name])


def load(path: Path) -> Pipeline:
    """Read a pipeline that `save` wrote, trusting no type but those of our own estimators; raises ProjectError."""
    try:
        return skops.io.load(path, trusted=TRUSTED)
    except (OSError, zipfile.BadZipFile, UntrustedTypesFoundException) as error:
        raise ProjectError(f"{path}: not a pipeline of this project: {error}") from error
