"""Converts a fitted estimator and compares it with its ONNX model: a rehearsal on few rows before a long training.

In the rehearsal, estimators are fitted, asked, converted and compared, so that mistakes show early.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ..common import project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Export
from ..data.spacing import evenly_spaced
from . import monotonic, pipeline
from .conversion import convert
from .known_categories import known_categories
from .parity import measure, parity
from .trained import Description, Trained

ROWS, MORE_ROWS = 100, 1000  # more if an estimator cannot be fitted on so few
UNSEEN = "a value that no row has"


def rehearse(
    contract: Contract, settings: Mapping[str, Any], inputs: pd.DataFrame, truth: np.ndarray, params: Export
) -> None:
    """Raise ProjectError within seconds if the project's estimator cannot be fitted, converted or served.

    *inputs* and *truth* are those of the whole train part.
    """
    fitted, sample, predicted = _tried(contract, settings, inputs, truth)
    exported = Trained(convert(fitted, contract), contract).predict(sample)
    if exported.shape != predicted.shape:
        raise ProjectError(
            f"{_place(fitted)}: its ONNX model answers with shape {exported.shape}, not {predicted.shape}"
        )
    try:
        parity(contract, predicted, exported, params)
    except ProjectError as error:
        raise ProjectError(
            f"{_place(fitted)}: tried on {len(sample)} rows before the training: {error.message}"
        ) from error


def _tried(
    contract: Contract, settings: Mapping[str, Any], inputs: pd.DataFrame, truth: np.ndarray
) -> tuple[BaseEstimator, pd.DataFrame, np.ndarray]:
    """Return the estimator fitted on few rows, rows like and unlike these, and its predictions for them."""
    for count in (ROWS, MORE_ROWS):
        step, estimator, rows = "fit", pipeline.build(contract, settings), positions(contract, truth, count)
        asked = pd.concat([inputs.iloc[rows], unlike(contract, inputs.iloc[rows], missing=False)])
        try:
            fitted = pipeline.fit(contract, settings, inputs.iloc[rows], truth[rows])
            step = "predict"
            predicted = pipeline.predict(fitted, asked, contract)
            return fitted, asked, checked(contract, fitted, predicted)
        except ProjectError:
            raise
        except Exception as error:  # estimators raise whatever they want
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            failure, cause = f"{_place(estimator)}: {step}() fails on {len(rows)} rows of the table: {reason}", error
    raise ProjectError(failure) from cause


def exported(
    contract: Contract, settings: Mapping[str, Any], fitted: BaseEstimator, inputs: pd.DataFrame
) -> tuple[bytes, Description]:
    """Return the fitted estimator as ONNX, and its description with the difference of both.

    They are compared on all *inputs*, and on some that are unlike them.
    """
    converted = convert(fitted, contract)
    rows = pd.concat([inputs, unlike(contract, inputs)])
    predicted = checked(contract, fitted, pipeline.predict(fitted, rows, contract))
    difference = measure(contract, predicted, Trained(converted, contract).predict(rows))
    label = pipeline.label(settings, fitted)
    enforced = monotonic.enforced(fitted, contract)
    return converted, Description(label, known_categories(fitted, contract), difference, enforced=enforced)


def positions(contract: Contract, truth: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of about *count* rows, evenly spaced, of which each class has its part."""
    groups = [np.flatnonzero(truth == c) for c in np.unique(truth)] if contract.classes else [np.arange(len(truth))]
    share = -(-count // len(groups))
    spread = [group[evenly_spaced(len(group), share)] for group in groups]
    return np.sort(np.concatenate(spread))


def unlike(contract: Contract, inputs: pd.DataFrame, missing: bool = True) -> pd.DataFrame:
    """Return some of *inputs* with categories that no row has, and without the numbers that may be *missing*.

    Only what the contract allows is changed, so that the service may be asked such rows.
    """
    rows = inputs.iloc[evenly_spaced(len(inputs), ROWS)].copy()
    for feature in contract.features:
        if feature.function:
            continue  # it follows from columns, so that not every value is possible
        if feature.kind == "category" and not feature.levels:
            rows[feature.name] = UNSEEN
        elif missing and feature.kind == "number" and contract.columns[feature.column].missing:
            rows[feature.name] = np.float32(np.nan)
    return rows


def checked(contract: Contract, fitted: BaseEstimator, predicted: np.ndarray) -> np.ndarray:
    """Return *predicted*; raises ProjectError unless it is one finite answer per row, as the task needs it."""
    classes, shape = contract.classes, np.shape(predicted)
    if shape[1:] != ((len(classes),) if classes else ()):
        needed = f"{len(classes)} probabilities per row" if classes else "one number per row"
        raise ProjectError(
            f"{_place(fitted)}: predicts an array of shape {shape}: a {contract.task} model needs {needed}"
        )
    invalid = ~np.isfinite(np.asarray(predicted, dtype="float64"))
    if invalid.any():
        rows = int(invalid.reshape(len(predicted), -1).any(axis=1).sum())
        raise ProjectError(
            f"{_place(fitted)}: predicts NaN or infinity for {rows} of {len(predicted)} rows: check how it treats "
            "missing values, and its learning rate"
        )
    return predicted


def _place(estimator: BaseEstimator) -> str:
    final = getattr(estimator, "steps", [("", estimator)])[-1][1]
    return f"{project.file(project.MODEL).as_posix()}: {type(final).__name__}"
