"""Converts functions of features.py to ONNX by calling them with symbols that record what numpy is asked to do.

The result, features.onnx, computes in float64 as numpy does. A function is converted if every step is one of `_UFUNCS`
and the graph then gives the same float32 numbers as the function on the rows of the test part; other languages cannot
run the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..contract.contract import Contract
from ..contract.features import Function
from ..data.encode import FunctionInputs

FILE = "features.onnx"
OPSET, IR_VERSION = 15, 8  # of 2021: old runtimes read them, too
NUMBERS = ("number", "integer", "boolean")
_UFUNCS = {  # numpy's function: ONNX's operator
    "absolute": "Abs", "add": "Add", "bitwise_and": "And", "bitwise_or": "Or", "ceil": "Ceil", "cos": "Cos",
    "divide": "Div", "equal": "Equal", "exp": "Exp", "fabs": "Abs", "floor": "Floor", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "invert": "Not", "isnan": "IsNaN", "less": "Less", "less_equal": "LessOrEqual",
    "log": "Log", "logical_and": "And", "logical_not": "Not", "logical_or": "Or", "multiply": "Mul",
    "negative": "Neg", "power": "Pow", "rint": "Round", "sin": "Sin", "sqrt": "Sqrt", "subtract": "Sub",
}  # fmt: skip


class UnconvertibleError(Exception):
    """Why a function cannot be converted."""


@dataclass(frozen=True)
class FunctionGraph:
    """The ONNX model of the converted functions, None if there are none, and the reasons for the others."""

    model: bytes | None
    python_only: dict[str, str]


class _Graph:
    """The nodes that have been recorded."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.inputs: set[str] = set()

    def symbol(self, operator: str, *inputs: Any, **attributes: Any) -> "_Symbol":
        from onnx import helper

        names = [self._name(value) for value in inputs]
        name = f"_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], **attributes))
        return _Symbol(self, name)

    def _name(self, value: Any) -> str:
        from onnx import helper, numpy_helper

        if isinstance(value, _Symbol):
            return value.name
        if not isinstance(value, bool | int | float | np.generic):
            raise UnconvertibleError(f"uses a {type(value).__name__}")
        constant = np.asarray(value, dtype=None if isinstance(value, bool | np.bool_) else np.float64)
        name = f"_{len(self.nodes)}"
        self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(constant)))
        return name


class _Symbol(NDArrayOperatorsMixin):
    """Stands for a column, or for what was computed from columns."""

    def __init__(self, graph: _Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __bool__(self) -> bool:
        raise UnconvertibleError("branches on values: use np.where")

    def __getattr__(self, name: str) -> Any:
        raise UnconvertibleError(f"uses {name} of an array")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise UnconvertibleError("reads the values of an array")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "_Symbol":
        name, of = ufunc.__name__, self.graph.symbol
        if method != "__call__" or options:
            raise UnconvertibleError(f"uses np.{name} with options")
        if name in ("deg2rad", "radians"):
            return of("Mul", inputs[0], pi / 180)
        if name in ("rad2deg", "degrees"):
            return of("Mul", inputs[0], 180 / pi)
        if name == "square":
            return of("Mul", inputs[0], inputs[0])
        if name == "not_equal":
            return of("Not", of("Equal", *inputs))
        if name in ("maximum", "minimum"):  # both return a missing value if either is one
            order = "GreaterOrEqual" if name == "maximum" else "LessOrEqual"
            first = of("Or", of(order, *inputs), of("IsNaN", inputs[0]))
            return of("Where", first, *inputs)
        if name not in _UFUNCS:
            raise UnconvertibleError(f"uses np.{name}")
        return of(_UFUNCS[name], *inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Mapping[str, Any]) -> "_Symbol":
        name = function.__name__
        if name in ("round", "around") and len(arguments) + len(options) <= 2 and options.keys() <= {"decimals"}:
            return _rounded(arguments[0], options["decimals"] if options else (*arguments, 0)[1])
        if name == "where" and len(arguments) == 3 and not options:
            return self.graph.symbol("Where", *arguments)
        if name == "clip" and len(arguments) == 3 and not options:
            low = arguments[0] if arguments[1] is None else np.maximum(arguments[0], arguments[1])
            return low if arguments[2] is None else np.minimum(low, arguments[2])  # type: ignore[no-any-return]
        raise UnconvertibleError(f"uses np.{name}")


def _rounded(value: Any, decimals: int) -> _Symbol:
    """Return numpy's rounding: to whole numbers after a multiplication, the half to the even one."""
    if decimals == 0:
        return np.rint(value)  # type: ignore[no-any-return]  # of a symbol
    scale = float(10 ** abs(decimals))
    return np.rint(value * scale) / scale if decimals > 0 else np.rint(value / scale) * scale  # type: ignore[no-any-return]


def convert(contract: Contract, columns: Mapping[str, Any]) -> FunctionGraph:
    """Return the graph of the contract's functions, each verified on *columns*, which are rows of the test part."""
    functions = [feature.function for feature in contract.features if feature.function]
    inputs, python_only, converted = FunctionInputs(columns, contract), dict[str, str](), list[Function]()
    for function in functions:
        try:
            _verify(function, contract, inputs)
            converted.append(function)
        except UnconvertibleError as reason:
            python_only[function.name] = str(reason)
        except Exception as error:  # whatever a function does with a symbol, or the runtime with the graph
            python_only[function.name] = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
    return FunctionGraph(_model(converted, contract) if converted else None, python_only)


def _verify(function: Function, contract: Contract, inputs: Mapping[str, np.ndarray]) -> None:
    """Raise UnconvertibleError unless the graph of *function* gives the numbers that the function gives."""
    import onnxruntime

    session = onnxruntime.InferenceSession(_model([function], contract), providers=["CPUExecutionProvider"])
    (computed,) = session.run(None, {node.name: inputs[node.name] for node in session.get_inputs()})
    expected = function(inputs).astype(np.float32)
    equal = (computed == expected) | (np.isnan(computed) & np.isnan(expected))
    if not equal.all():
        raise UnconvertibleError(f"ONNX computes {int((~equal).sum())} of {len(equal)} test rows differently")


def _model(functions: Sequence[Function], contract: Contract) -> bytes:
    from onnx import TensorProto, helper

    graph, outputs = _Graph(), []
    for function in functions:
        result = _traced(function.call, function, contract, graph)
        graph.nodes.append(helper.make_node("Cast", [result.name], [function.name], to=TensorProto.FLOAT))
        outputs.append(helper.make_tensor_value_info(function.name, TensorProto.FLOAT, [None]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None]) for name in sorted(graph.inputs)]
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "features", inputs, outputs), opset_imports=opsets, ir_version=IR_VERSION
    )
    return bytes(model.SerializeToString(deterministic=True))


def _traced(call: Callable[..., Any], function: Function, contract: Contract, graph: _Graph) -> _Symbol:
    """Return what *function* computes from symbols for its columns."""
    for name in function.columns:
        kind = contract.inputs[name].type
        if kind not in NUMBERS:
            raise UnconvertibleError(f"reads {name}, which is a {kind}")
    if function.kind != "number":
        raise UnconvertibleError("returns categories")
    graph.inputs.update(function.columns)
    result = call(*(_Symbol(graph, name) for name in function.columns))
    if not isinstance(result, _Symbol):
        raise UnconvertibleError("does not compute its result from its columns")
    return result
