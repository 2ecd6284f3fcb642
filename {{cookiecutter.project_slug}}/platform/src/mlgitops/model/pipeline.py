"""The pipeline: built by the project's model.py, fitted, used for predictions, saved and loaded."""

import io
import itertools
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder
from skops.io.exceptions import UntrustedTypesFoundException

from ..common import project
from ..common.document import line
from ..common.errors import ProjectError
from ..contract.contract import Contract

PARAMS = Path("params.yaml")
UNEXPECTED = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")  # message of Python
REFUSED = re.compile(r"ValueError: (\w+) '")  # message of estimators.build
INVALID = re.compile(r"The '(\w+)' parameter of (\w+) must be")  # message of scikit-learn
TRUSTED = (  # types that skops does not trust by default, and that hold no code of their own
    "functools.partial",
    "numpy.dtype",
    "mlgitops.model.words.Words",
)
ADDRESS = re.compile(r'(?<="__id__": )\d+|(?<="file": ")[^".]+')  # skops names objects by their memory address


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
    try:
        for step in [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]:
            if hasattr(step, "_validate_params"):  # fit() would do this too, but much later
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
    pipeline = build(contract, settings).fit(inputs, truth)
    _to_single_precision(pipeline)
    return pipeline


def _to_single_precision(pipeline: BaseEstimator) -> None:
    """Round encodings and thresholds to float32, as ONNX does, so that both models take the same branches."""
    steps = [step for _, step in pipeline.steps] if isinstance(pipeline, Pipeline) else [pipeline]
    for transformer in steps:
        for _, step, _ in transformer.transformers_ if isinstance(transformer, ColumnTransformer) else ():
            encoder = step[0] if isinstance(step, Pipeline) else step
            if isinstance(encoder, TargetEncoder):
                encoder.encodings_ = [np.float64(np.float32(means)) for means in encoder.encodings_]
                encoder.target_mean_ = np.float64(np.float32(encoder.target_mean_))
    for predictor in itertools.chain(*getattr(steps[-1], "_predictors", ())):
        thresholds = predictor.nodes["num_threshold"]
        rounded = thresholds.astype(np.float32)
        below = np.nextafter(rounded, np.float32(-np.inf))  # rounded down, so that `input <= threshold` stays as it was
        predictor.nodes["num_threshold"] = np.where(rounded > thresholds, below, rounded)


def predict(pipeline: BaseEstimator, inputs: pd.DataFrame) -> np.ndarray:
    """Return probabilities of shape (rows, classes), or numbers of shape (rows,)."""
    predicted: np.ndarray = (
        pipeline.predict_proba(inputs) if hasattr(pipeline, "predict_proba") else pipeline.predict(inputs)
    )
    return predicted


def label(settings: Mapping[str, Any], fitted: BaseEstimator) -> str:
    """Return a name for the model: the setting `algorithm` if there is one, else the class of the estimator."""
    final = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    return str(settings.get("algorithm") or type(final).__name__)


def save(pipeline: BaseEstimator, path: Path) -> None:
    """Write the fitted pipeline in skops format (no pickle); equal pipelines give equal bytes."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as source, zipfile.ZipFile(path, "w") as target:
        schema = source.read("schema.json").decode()
        # addresses differ between processes: number the objects in order of appearance instead
        numbers = {old: str(n) for n, old in enumerate(dict.fromkeys(ADDRESS.findall(schema)))}
        stored = [Path(name) for name in source.namelist() if name != "schema.json"]
        members = {f"{numbers[path.stem]}{path.suffix}": source.read(str(path)) for path in stored}
        members["schema.json"] = ADDRESS.sub(lambda m: numbers[m[0]], schema).encode()
        for name in sorted(members):
            target.writestr(zipfile.ZipInfo(name), members[name])


def load(path: Path) -> BaseEstimator:
    """Read a pipeline written by `save`; raises ProjectError if it contains types that are not trusted.

    Types of scikit-learn, of the project's own package, and those that skops trusts by default are trusted.
    """
    try:
        return skops.io.load(path, trusted=trusted(path))
    except (OSError, KeyError, zipfile.BadZipFile, UntrustedTypesFoundException) as error:
        raise ProjectError(f"{path}: not a pipeline of this project: {error}") from error


def trusted(path: Path) -> list[str]:
    """Return the types in a saved pipeline that are trusted in addition to the defaults of skops."""
    own = project.package().name
    untrusted = skops.io.get_untrusted_types(file=path)
    if any(name.partition(".")[0] == own for name in untrusted):
        project.module(project.MODEL)
    return [name for name in untrusted if name in TRUSTED or name.partition(".")[0] in ("sklearn", own)]
