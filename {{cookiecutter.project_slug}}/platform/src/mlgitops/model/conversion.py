"""Converts a fitted estimator of any library to one ONNX model with one input per feature of the contract."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..common import project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from . import graphs, libraries
from .graph_output import answering, set_opsets

if TYPE_CHECKING:
    from onnx import ModelProto

OLDEST = {"": 15, "ai.onnx.ml": 2}  # of models of scikit-learn, which any allowed onnxruntime loads
OPSETS = {"": 18, "ai.onnx.ml": 3}  # of models of other libraries, whose converters know no newer ones
BY_ITSELF = "CatBoost"  # its estimators write ONNX


def convert(fitted: BaseEstimator, contract: Contract) -> bytes:
    """Return the fitted estimator as an ONNX model with one input per feature.

    Its last step may be of scikit-learn, LightGBM, XGBoost or CatBoost, or have a method `to_onnx()`, which returns a
    model of one tensor: the output of the steps before it. Raises ProjectError if it cannot be converted.
    """
    final = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    try:
        own = _own_graph(final)
        if own is None:
            model = _by_skl2onnx(fitted, contract, final)
        else:
            model = graphs.chain(_front(fitted, contract, graphs.opset(own)), own)
        model = answering(model, contract)
    except ProjectError:
        raise
    except Exception as error:  # converters raise whatever they want
        raise ProjectError(_refusal(final, error)) from error
    set_opsets(model, {entry.domain: entry.version for entry in model.opset_import})
    return bytes(model.SerializeToString(deterministic=True))


def _refusal(final: BaseEstimator, error: Exception) -> str:
    path, reason = project.file(project.MODEL).as_posix(), " ".join(str(error).split())[:300]
    return (
        f"{path}: {type(final).__name__} cannot be converted to ONNX: {type(error).__name__}: {reason}: return an "
        "estimator of scikit-learn that skl2onnx converts, of LightGBM, XGBoost or CatBoost, or give it a method "
        "to_onnx(); docs/features.md"
    )


def _own_graph(final: Any) -> "ModelProto | None":
    """Return the ONNX model of one tensor that the estimator makes of itself; None if another converter does."""
    import onnx

    if hasattr(final, "to_onnx"):
        with project.user_code(project.file(project.MODEL), "to_onnx()"):
            model = final.to_onnx()
        model = onnx.load_from_string(model) if isinstance(model, bytes) else model
        if not isinstance(model, onnx.ModelProto):
            raise ProjectError(
                f"{project.file(project.MODEL).as_posix()}: {type(final).__name__}.to_onnx() returned "
                f"{type(model).__name__}: return an onnx.ModelProto, or its bytes"
            )
    elif type(final).__name__.startswith(BY_ITSELF):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            final.save_model(str(path), format="onnx")
            model = onnx.load(path)
    else:
        return None
    return _anonymous(model)


def _anonymous(model: "ModelProto") -> "ModelProto":
    """Return *model* without what differs between two equal trainings, such as dates and file names."""
    del model.metadata_props[:]
    model.ClearField("doc_string")
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    return model


def _front(fitted: BaseEstimator, contract: Contract, opset: int) -> "ModelProto":
    """Return the graph of the steps before the last one, or one that joins the features if there are none."""
    steps = fitted.steps[:-1] if isinstance(fitted, Pipeline) else []
    steps = [(name, step) for name, step in steps if step not in (None, "passthrough")]
    if not steps:
        return graphs.join(contract, opset)
    front = Pipeline(steps) if len(steps) > 1 else steps[0][1]
    return _skl2onnx(front, contract, {}, {"": opset, "ai.onnx.ml": OPSETS["ai.onnx.ml"]})


def _by_skl2onnx(fitted: BaseEstimator, contract: Contract, final: BaseEstimator) -> "ModelProto":
    libraries.register(final)
    options = {id(final): {"zipmap": False}} if contract.classes else {}
    foreign = type(final).__module__.partition(".")[0] in libraries.CONVERTED
    return _skl2onnx(fitted, contract, options, OPSETS if foreign else OLDEST)


def _skl2onnx(
    fitted: BaseEstimator, contract: Contract, options: dict[int, Any], opsets: dict[str, int]
) -> "ModelProto":
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    from . import words_onnx

    kinds = {"number": FloatTensorType, "category": StringTensorType, "text": StringTensorType}
    if any(feature.kind == "text" for feature in contract.features):
        words_onnx.register()
        opsets = opsets | {"": max(opsets[""], words_onnx.OPSET)}
    inputs = [(feature.name, kinds[feature.kind]([None, 1])) for feature in contract.features]
    model: ModelProto = convert_sklearn(
        fitted, name="model", initial_types=inputs, options=options or None, target_opset=opsets
    )
    return model
