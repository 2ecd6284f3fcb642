"""Converts functions of features.py to ONNX by calling them with symbols, which record what numpy is asked to do.

The result, features.onnx, computes in float64 as numpy does. A function is converted if every step is known to
`symbols`, and if the graph gives the same float32 numbers as the function on rows of the test part; other languages
cannot run the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.contract import Contract
from ..contract.features import Function
from ..data.encode import FunctionInputs
from .onnx_session import open_session
from .symbols import Graph, Symbol, UnconvertibleError

FILE = "features.onnx"
OPSET, IR_VERSION = 15, 8  # of 2021: old runtimes read them, too
NUMBERS = ("number", "integer", "boolean")


@dataclass(frozen=True)
class FunctionGraph:
    """The ONNX model of the converted functions, None if there are none, and the reasons for the others."""

    model: bytes | None
    python_only: dict[str, str]


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
    session = open_session(_model([function], contract))
    (computed,) = session.run(None, {node.name: inputs[node.name] for node in session.get_inputs()})
    expected = function(inputs).astype(np.float32)
    equal = (computed == expected) | (np.isnan(computed) & np.isnan(expected))
    if not equal.all():
        raise UnconvertibleError(f"ONNX computes {int((~equal).sum())} of {len(equal)} test rows differently")


def _model(functions: Sequence[Function], contract: Contract) -> bytes:
    from onnx import TensorProto, helper

    graph, outputs = Graph(), []
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


def _traced(call: Callable[..., Any], function: Function, contract: Contract, graph: Graph) -> Symbol:
    """Return what *function* computes from symbols for its columns."""
    for name in function.columns:
        kind = contract.inputs[name].type
        if kind not in NUMBERS:
            raise UnconvertibleError(f"reads {name}, which is a {kind}")
    if function.kind != "number":
        raise UnconvertibleError("returns categories")
    graph.inputs.update(function.columns)
    result = call(*(Symbol(graph, name) for name in function.columns))
    if not isinstance(result, Symbol):
        raise UnconvertibleError("does not compute its result from its columns")
    return result
