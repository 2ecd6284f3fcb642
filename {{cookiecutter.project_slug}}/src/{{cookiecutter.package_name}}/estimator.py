"""Builds the scikit-learn pipeline that the contract and params.yaml ask for."""

import io
import itertools
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
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
from skops.io.exceptions import UntrustedTypesFoundException

from .config import ProjectError
from .contract import Contract, Feature
from .settings import Train

TRUSTED = [  # what our estimators hold beyond what skops trusts: data and known functions, nothing that runs code
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
]
UNKNOWN: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
ADDRESS = re.compile(r'(?<="__id__": )\d+|(?<="file": ")[^".]+')  # by its address in memory, skops names an object


def build(contract: Contract, params: Train) -> Pipeline:
    """Return the unfitted pipeline; it takes the frame that `table.features` makes, one column per feature."""
    return Pipeline([("inputs", _inputs(contract, params)), ("model", _model(contract, params))])


def fit(contract: Contract, params: Train, inputs: pd.DataFrame, truth: np.ndarray) -> Pipeline:
    """Return the pipeline fitted on the frame that `table.features` makes."""
    nothing = inputs.columns[inputs.isna().all()]
    inputs = inputs.fillna(dict.fromkeys(nothing, np.float32(0)))  # boosting cannot bin a column without a number
    pipeline = build(contract, params).fit(inputs, truth)
    _to_single_precision(pipeline)
    return pipeline


def _to_single_precision(pipeline: Pipeline) -> None:
    """Round what inputs become and are compared with as ONNX will: on any input both models take the same branch."""
    for _, step, _ in pipeline["inputs"].transformers_:
        encoder = step[0] if isinstance(step, Pipeline) else step
        if isinstance(encoder, TargetEncoder):
            encoder.encodings_ = [np.float64(np.float32(means)) for means in encoder.encodings_]
            encoder.target_mean_ = np.float64(np.float32(encoder.target_mean_))
    for predictor in itertools.chain(*getattr(pipeline["model"], "_predictors", ())):
        limits = predictor.nodes["num_threshold"]
        rounded = limits.astype(np.float32)
        below = np.nextafter(rounded, np.float32(-np.inf))  # down: an input is at most the limit, or is not, as before
        predictor.nodes["num_threshold"] = np.where(rounded > limits, below, rounded)


def _inputs(contract: Contract, params: Train) -> ColumnTransformer:
    """Trees take categories as numbers and boosting takes missing numbers as they are; linear models need neither.

    Of a category with any number of values trees see the mean target, and a code too: a mean hides which value it was.
    """
    numbers = [f.name for f in contract.features if f.kind == "number"]
    closed = [f for f in contract.features if f.levels]
    opened = [f.name for f in contract.features if f.kind == "category" and not f.levels]
    several, linear = contract.task == "multiclass", params.algorithm == "linear"  # of several classes there is no mean
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    filled = make_pipeline(fill, StandardScaler()) if linear else fill
    code = OneHotEncoder(handle_unknown="ignore") if linear else OrdinalEncoder(**UNKNOWN)
    steps = [
        ("numbers", "passthrough" if params.algorithm == "boosting" else filled, numbers),
        ("closed", _closed(closed, params), [f.name for f in closed]),
        ("means", _means(contract, params), [] if several else opened),
        ("codes", code, opened if several or not linear else []),
    ]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.3)


def _closed(features: list[Feature], params: Train) -> BaseEstimator:
    levels = [list(f.levels or ()) for f in features]
    if params.algorithm == "linear":
        return OneHotEncoder(categories=levels, handle_unknown="ignore")
    return OrdinalEncoder(categories=levels, **UNKNOWN)


def _means(contract: Contract, params: Train) -> BaseEstimator:
    folds = (KFold if contract.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=params.seed)
    encoder = TargetEncoder(target_type="continuous" if contract.task == "regression" else "binary", cv=folds)
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
        # addresses differ from process to process: number the objects in the order in which they appear
        numbers = {old: str(n) for n, old in enumerate(dict.fromkeys(ADDRESS.findall(schema)))}
        stored = [Path(name) for name in source.namelist() if name != "schema.json"]
        members = {f"{numbers[path.stem]}{path.suffix}": source.read(str(path)) for path in stored}
        members["schema.json"] = ADDRESS.sub(lambda m: numbers[m[0]], schema).encode()
        for name in sorted(members):
            target.writestr(zipfile.ZipInfo(name), members[name])


def load(path: Path) -> Pipeline:
    """Read a pipeline that `save` wrote, trusting no type but those of our own estimators; raises ProjectError."""
    try:
        return skops.io.load(path, trusted=TRUSTED)
    except (OSError, KeyError, zipfile.BadZipFile, UntrustedTypesFoundException) as error:
        raise ProjectError(f"{path}: not a pipeline of this project: {error}") from error
