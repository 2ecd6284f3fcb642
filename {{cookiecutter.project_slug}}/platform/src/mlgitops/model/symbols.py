"""Symbols that stand for columns and record what numpy is asked to do with them, as nodes of an ONNX graph."""

from collections.abc import Mapping
from math import pi
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

UFUNCS = {  # numpy's function: ONNX's operator
    "absolute": "Abs", "add": "Add", "bitwise_and": "And", "bitwise_or": "Or", "ceil": "Ceil", "cos": "Cos",
    "divide": "Div", "equal": "Equal", "exp": "Exp", "fabs": "Abs", "floor": "Floor", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "invert": "Not", "isnan": "IsNaN", "less": "Less", "less_equal": "LessOrEqual",
    "log": "Log", "logical_and": "And", "logical_not": "Not", "logical_or": "Or", "multiply": "Mul",
    "negative": "Neg", "power": "Pow", "rint": "Round", "sin": "Sin", "sqrt": "Sqrt", "subtract": "Sub",
}  # fmt: skip


class UnconvertibleError(Exception):
    """Why a function cannot be converted."""


class Graph:
    """The nodes that have been recorded."""

    def __init__(self) -> None:
        """Begin without nodes."""
        self.nodes: list[Any] = []
        self.inputs: set[str] = set()

    def symbol(self, operator: str, *inputs: Any, **attributes: Any) -> "Symbol":
        """Record a node and return the symbol of its output."""
        from onnx import helper

        names = [self._name(value) for value in inputs]
        name = f"_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], **attributes))
        return Symbol(self, name)

    def _name(self, value: Any) -> str:
        from onnx import helper, numpy_helper

        if isinstance(value, Symbol):
            return value.name
        if not isinstance(value, bool | int | float | np.generic):
            raise UnconvertibleError(f"uses a {type(value).__name__}")
        constant = np.asarray(value, dtype=None if isinstance(value, bool | np.bool_) else np.float64)
        name = f"_{len(self.nodes)}"
        self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(constant)))
        return name


class Symbol(NDArrayOperatorsMixin):
    """Stands for a column, or for what was computed from columns."""

    def __init__(self, graph: Graph, name: str) -> None:
        """Stand for the value *name* of *graph*."""
        self.graph, self.name = graph, name

    def __bool__(self) -> bool:
        """Refuse: the branch would be the same for all rows."""
        raise UnconvertibleError("branches on values: use np.where")

    def __getattr__(self, name: str) -> Any:
        """Refuse what is not recorded."""
        raise UnconvertibleError(f"uses {name} of an array")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        """Refuse: there are no values yet."""
        raise UnconvertibleError("reads the values of an array")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Symbol":
        """Record one of UFUNCS, or what is made of them."""
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
        if name not in UFUNCS:
            raise UnconvertibleError(f"uses np.{name}")
        return of(UFUNCS[name], *inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Mapping[str, Any]) -> "Symbol":
        """Record rounding, a choice, or clipping."""
        name = function.__name__
        if name in ("round", "around") and len(arguments) + len(options) <= 2 and options.keys() <= {"decimals"}:
            return _rounded(arguments[0], options["decimals"] if options else (*arguments, 0)[1])
        if name == "where" and len(arguments) == 3 and not options:
            return self.graph.symbol("Where", *arguments)
        if name == "clip" and len(arguments) == 3 and not options:
            low = arguments[0] if arguments[1] is None else np.maximum(arguments[0], arguments[1])
            return low if arguments[2] is None else np.minimum(low, arguments[2])  # type: ignore[no-any-return]
        raise UnconvertibleError(f"uses np.{name}")


def _rounded(value: Any, decimals: int) -> Symbol:
    """Return numpy's rounding: to whole numbers after a multiplication, the half to the even one."""
    if decimals == 0:
        return np.rint(value)  # type: ignore[no-any-return]  # of a symbol
    scale = float(10 ** abs(decimals))
    return np.rint(value * scale) / scale if decimals > 0 else np.rint(value / scale) * scale  # type: ignore[no-any-return]
