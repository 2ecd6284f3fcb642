"""The libraries whose estimators onnxmltools converts: they are made known to skl2onnx."""

import sys
from importlib.util import find_spec
from typing import Any

from sklearn.base import BaseEstimator

from ..common.errors import ProjectError

CONVERTED = {"lightgbm": "LGBM", "xgboost": "XGB"}  # library -> prefix of its estimators


def register(final: BaseEstimator) -> None:
    """Let skl2onnx convert the estimators of the libraries that are in use; *final* is the last step of a pipeline.

    Raises ProjectError if it needs a converter that is not installed.
    """
    _check_converter(final)
    if find_spec("onnxmltools"):
        for library in CONVERTED:
            if library in sys.modules:  # without its module there is no estimator of it
                _register(library)


def _check_converter(final: BaseEstimator) -> None:
    library = type(final).__module__.partition(".")[0]
    if library in CONVERTED and not find_spec("onnxmltools"):
        raise ProjectError(
            f"{type(final).__name__} needs onnxmltools to become ONNX: "
            f"`uv add --group pipeline 'mlgitops[{library}]'` installs both"
        )


def _register(library: str) -> None:
    """Let skl2onnx convert the estimators of a library, wherever they are in a pipeline."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator

    for kind in ("Classifier", "Regressor"):
        estimator = getattr(sys.modules[library], f"{CONVERTED[library]}{kind}")
        shape = getattr(shape_calculator, f"calculate_linear_{kind.lower()}_output_shapes")
        choices: dict[str, Any] = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
        options = choices if kind == "Classifier" else {}
        name = f"{library}{CONVERTED[library]}{kind}"
        update_registered_converter(estimator, name, shape, _converter(library), options=options)


def _converter(library: str) -> Any:
    if library == "lightgbm":
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm as converter
    else:
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost as converter
    return converter
