"""Calibration: a monotonic curve from a model's probability to the share of rows that it was right for.

It is fitted on cross-validated predictions, which were made without the rows themselves, and becomes the last part of
the ONNX model, so that it works for the estimators of all libraries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ..contract.contract import Contract
from ..contract.params import Method
from ..data.spacing import evenly_spaced
from .cross_validation import FoldPredictions, joined

if TYPE_CHECKING:
    from onnx import ModelProto

KNOTS = 200  # most points of a curve
SMALLEST = 1e-6  # probability: a logarithm needs one above zero
GRID = 1 / (1 + np.exp(-np.linspace(-12, 12, KNOTS - 2)))  # points of a sigmoid curve, dense near 0 and 1


@dataclass(frozen=True)
class Curve:
    """Points of a curve: probabilities, ascending, and calibrated ones; it is linear between them."""

    x: np.ndarray
    y: np.ndarray


def fit(method: Method, contract: Contract, truth: np.ndarray, predicted: np.ndarray) -> list[Curve]:
    """Return the curve of the positive class, or one for each of several classes."""
    make = _sigmoid if method == "sigmoid" else _isotonic
    classes = [1] if len(contract.classes) == 2 else range(len(contract.classes))
    return [make(predicted[:, code].astype("float64"), truth == code) for code in classes]


def fit_on(contract: Contract, method: Method | None, validated: Sequence[FoldPredictions]) -> list[Curve]:
    """Return the curves that calibrate the model; none without a method, and for numbers."""
    if method is None or not contract.classes:
        return []
    return fit(method, contract, *joined(validated))


def _sigmoid(probability: np.ndarray, actual: np.ndarray) -> Curve:
    model = LogisticRegression(C=1e6).fit(_logit(probability), actual)
    x = np.r_[0.0, GRID, 1.0]
    return Curve(x, np.maximum.accumulate(model.predict_proba(_logit(x))[:, 1]))


def _logit(probability: np.ndarray) -> np.ndarray:
    bounded = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(bounded / (1 - bounded)).reshape(-1, 1))


def _isotonic(probability: np.ndarray, actual: np.ndarray) -> Curve:
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probability, actual)
    x, first = np.unique(np.asarray(model.X_thresholds_, dtype="float32").astype("float64"), return_index=True)
    y = np.asarray(model.y_thresholds_, dtype="float64")[first]
    kept = evenly_spaced(len(x), KNOTS)
    return Curve(x[kept], y[kept])


def apply(curves: Sequence[Curve], predicted: np.ndarray) -> np.ndarray:
    """Return calibrated probabilities of shape (rows, classes)."""
    if len(curves) == 1:
        positive = np.interp(predicted[:, 1], curves[0].x, curves[0].y)
        return np.column_stack([1 - positive, positive])
    shares = np.column_stack([np.interp(predicted[:, k], curve.x, curve.y) for k, curve in enumerate(curves)])
    return np.asarray((shares + SMALLEST) / (shares + SMALLEST).sum(axis=1, keepdims=True))


def append(content: bytes, curves: Sequence[Curve]) -> bytes:
    """Return the ONNX model *content* with the curves behind its last output."""
    from onnx import TensorProto, helper, load_from_string

    model = load_from_string(content)
    graph, source = model.graph, model.graph.output[-1].name
    single = len(curves) == 1
    names = [_add_curve(model, source, 1 if single else k, curve) for k, curve in enumerate(curves)]
    if single:
        _constant(model, "calibration_one", np.ones(1))
        graph.node.append(helper.make_node("Sub", ["calibration_one", names[0]], ["calibrated_other"]))
        graph.node.append(helper.make_node("Concat", ["calibrated_other", names[0]], ["calibrated"], axis=1))
    else:
        _constant(model, "calibration_sum", np.ones((len(curves), 1)))
        _constant(model, "calibration_smallest", np.full(1, SMALLEST))
        graph.node.append(helper.make_node("Concat", names, ["calibrated_zeros"], axis=1))
        graph.node.append(helper.make_node("Add", ["calibrated_zeros", "calibration_smallest"], ["calibrated_shares"]))
        graph.node.append(helper.make_node("MatMul", ["calibrated_shares", "calibration_sum"], ["calibrated_total"]))
        graph.node.append(helper.make_node("Div", ["calibrated_shares", "calibrated_total"], ["calibrated"]))
    del graph.output[-1]
    shape = [None, max(2, len(curves))]
    graph.output.append(helper.make_tensor_value_info("calibrated", TensorProto.FLOAT, shape))
    return bytes(model.SerializeToString(deterministic=True))


def _add_curve(model: "ModelProto", source: str, column: int, curve: Curve) -> str:
    """Add the nodes that calibrate one column: the sum of each segment's slope times the part of it that is passed."""
    from onnx import helper

    name = f"calibration_{column}"
    widths, rises = np.diff(curve.x), np.diff(curve.y)
    _constant(model, f"{name}_column", np.array([column], dtype="int64"))
    _constant(model, f"{name}_low", curve.x[None, :-1])
    _constant(model, f"{name}_high", curve.x[None, 1:])
    _constant(model, f"{name}_slope", (rises / np.maximum(widths, 1e-12))[:, None])
    _constant(model, f"{name}_start", curve.y[:1])
    _constant(model, f"{name}_zero", np.zeros(1))
    _constant(model, f"{name}_most", np.ones(1))
    steps = [
        ("Max", "value", "low", "above"),
        ("Min", "above", "high", "within"),
        ("Sub", "within", "low", "passed"),
        ("MatMul", "passed", "slope", "rise"),
        ("Add", "rise", "start", "unbounded"),
        ("Max", "unbounded", "zero", "positive"),
        ("Min", "positive", "most", "share"),
    ]
    model.graph.node.append(helper.make_node("Gather", [source, f"{name}_column"], [f"{name}_value"], axis=1))
    model.graph.node.extend(
        helper.make_node(kind, [f"{name}_{left}", f"{name}_{right}"], [f"{name}_{output}"])
        for kind, left, right, output in steps
    )
    return f"{name}_share"


def _constant(model: "ModelProto", name: str, values: np.ndarray) -> None:
    from onnx import numpy_helper

    exact = values if values.dtype == np.int64 else values.astype("float32")
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(exact), name))
