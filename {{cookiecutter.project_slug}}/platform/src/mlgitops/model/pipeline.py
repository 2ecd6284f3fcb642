"""The pipeline: built by the project's model.py, fitted, and used for predictions."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..common import project
from ..common.document import line
from ..common.errors import ProjectError
from ..contract.contract import Contract
from . import monotonic
from .single_precision import to_single_precision

PARAMS = Path("params.yaml")
UNEXPECTED = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")  # message of Python
REFUSED = re.compile(r"ValueError: (\w+) '")  # message of estimators.build
INVALID = re.compile(r"The '(\w+)' parameter of (\w+) must be")  # message of scikit-learn


def build(contract: Contract, settings: Mapping[str, Any], section: str = "model") -> BaseEstimator:
    """Build the unfitted estimator of the project's model.py from *settings*.

    Raises ProjectError naming file, line and setting for an unknown setting, a value that scikit-learn refuses, or an
    exception in build(). *section* is the section of params.yaml with the settings.
    """
    module, path = project.module(project.MODEL), project.file(project.MODEL)
    make = getattr(module, "build", None)
    if not callable(make):
        raise ProjectError(f"{path.as_posix()}: define a function build(contract, ...) that returns the estimator")
    try:
        with project.user_code(path, "build()"):
            estimator = make(contract, **settings)
    except ProjectError as error:
        raise _setting_error(error, settings, section) from error
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict")):
        kind = type(estimator).__name__
        raise ProjectError(f"{path.as_posix()}: build() returned {kind}; return an estimator with fit() and predict()")
    if contract.classes and not hasattr(estimator, "predict_proba"):
        final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        raise ProjectError(
            f"{path.as_posix()}: {type(final).__name__} has no predict_proba(), and a {contract.task} model answers "
            "with probabilities: wrap it in sklearn.calibration.CalibratedClassifierCV, or choose another estimator"
        )
    try:
        for step in [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]:
            if hasattr(step, "_parameter_constraints"):  # fit() would do this too, but much later
                step._validate_params()
    except ValueError as error:
        raise _setting_error(error, settings, section) from error
    return estimator


def _setting_error(error: Exception, settings: Mapping[str, Any], section: str) -> ProjectError:
    """Return *error* with its line in params.yaml, if it is about a setting there."""
    message = error.message if isinstance(error, ProjectError) else str(error)
    unexpected, other = UNEXPECTED.search(message), INVALID.search(message) or REFUSED.search(message)
    name = unexpected[2] if unexpected else other[1] if other else ""
    if name not in settings:
        return error if isinstance(error, ProjectError) else ProjectError(f"build(): {message}")
    place = setting(name, section)
    if unexpected:
        hint = message[unexpected.end() :] or "; check the spelling"
        return ProjectError(f"{place}{unexpected[1]}() has no such setting{hint}")
    return ProjectError(f"{place}{message.partition('ValueError: ')[2] or message}")


def setting(name: str, section: str) -> str:
    """Return `params.yaml:LINE: section.name: `, the start of an error message about a setting."""
    place = f"{PARAMS}:{line(PARAMS, *section.split('.'), name)}" if PARAMS.is_file() else f"{PARAMS}"
    return f"{place}: {section}.{name}: "


def fit(contract: Contract, settings: Mapping[str, Any], inputs: pd.DataFrame, truth: np.ndarray) -> BaseEstimator:
    """Return the project's estimator fitted on a frame of `frame.features`, one column per feature."""
    empty = inputs.columns[inputs.isna().all()]
    inputs = inputs.fillna(dict.fromkeys(empty, np.float32(0)))  # boosting cannot bin a column without values
    pipeline = build(contract, settings)
    monotonic.constrain(pipeline, contract, inputs, truth)
    pipeline.fit(inputs, truth)
    to_single_precision(pipeline)
    return pipeline


def predict(pipeline: BaseEstimator, inputs: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return probabilities of shape (rows, classes), or numbers of shape (rows,)."""
    predicted = np.asarray(pipeline.predict_proba(inputs) if contract.classes else pipeline.predict(inputs))
    return predicted if contract.classes or predicted.shape[1:] != (1,) else predicted[:, 0]


def label(settings: Mapping[str, Any], fitted: BaseEstimator) -> str:
    """Return a name for the model: the setting `algorithm` if there is one, else the class of the estimator."""
    final = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    return str(settings.get("algorithm") or type(final).__name__)
