"""The project's own features: the public functions of features.py, called by training, the service and batch scoring.

A function takes columns of the contract, each a numpy array with one entry per row, and returns one such array:

- numbers, integers and booleans are float64, NaN where missing;
- categories and text are str objects, "" where missing;
- dates and times are datetime64[s], NaT where missing.

The return annotation tells numbers (any numpy number) from categories (str). The docstring is the description.
"""

import ast
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

import numpy as np

from ..common.errors import ProjectError
from ..common.project import user_code

Kind = Literal["number", "category"]
ALLOWED = {"numpy", *sys.stdlib_module_names}  # all that the scoring image and Spark executors have


@dataclass(frozen=True)
class Function:
    """One feature: a function of *columns*, defined at *line* of *file*."""

    name: str
    columns: tuple[str, ...]
    kind: Kind
    description: str
    call: Callable[..., Any]
    file: Path
    line: int

    def __reduce__(self) -> tuple[Callable[[Path, str], "Function"], tuple[Path, str]]:
        """Travel to another process as file and name: features.py is no module that it could import."""
        return function, (self.file, self.name)

    @property
    def place(self) -> str:
        """Where the function is defined, as the start of an error message."""
        return f"{self.file.as_posix()}:{self.line}: {self.name}({', '.join(self.columns)})"

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return one entry per row, shape (rows,); raises ProjectError naming file, function and columns."""
        inputs = [arrays[name] for name in self.columns]
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(self.call(*inputs))
        except Exception:  # the context manager costs more than a feature of one row: enter it on failure only
            with user_code(self.file, f"{self.name}({', '.join(self.columns)})"):
                raise
        if result.shape != inputs[0].shape:
            raise ProjectError(
                f"{self.place}: returns an array of shape {result.shape} for {len(inputs[0])} rows: "
                f"return one entry per row, shape {inputs[0].shape}"
            )
        if self.kind == "number" and result.dtype.kind not in "biuf":
            raise ProjectError(f"{self.place}: the annotation says numbers, but the function returns {result.dtype}")
        return result


def function(path: Path, name: str) -> Function:
    """Return the function *name* of a features.py; raises ProjectError."""
    return next(entry for entry in load(path) if entry.name == name)


def load(path: Path) -> tuple[Function, ...]:
    """Return the functions of a features.py in the order of the file.

    Raises ProjectError, naming file, line and function, if a function cannot be a feature or the file imports a module
    that the scoring image lacks.
    """
    with user_code(path):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source, str(path))
    _check_imports(path, tree)
    module = ModuleType(path.stem)
    with user_code(path):
        exec(compile(tree, str(path.resolve()), "exec"), module.__dict__)  # noqa: S102  # the project's own file
    functions = [
        value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == path.stem and not name.startswith("_")
    ]
    return tuple(_function(path, function) for function in functions)


def _check_imports(path: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        relative = isinstance(node, ast.ImportFrom) and f"{'.' * node.level}{node.module or ''}"
        for name in [relative] if relative else [alias.name for alias in node.names]:
            if name.partition(".")[0] not in ALLOWED:
                raise ProjectError(
                    f"{path.as_posix()}:{node.lineno}: imports {name}: the scoring image has numpy and the standard "
                    "library only; move code that needs other packages to dataset.py"
                )


def _function(path: Path, function: FunctionType) -> Function:
    place = f"{path.as_posix()}:{function.__code__.co_firstlineno}: {function.__name__}()"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ProjectError(f"{place}: parameter {parameter.name!r}: every parameter must be the name of a column")
    names = tuple(inspect.signature(function).parameters)
    if not names:
        raise ProjectError(f"{place}: has no parameters: add the columns that it reads, or start its name with _")
    kind = _kind(place, path, function)
    description = inspect.getdoc(function) or ""
    return Function(function.__name__, names, kind, description, function, path, function.__code__.co_firstlineno)


def _kind(place: str, path: Path, function: FunctionType) -> Kind:
    """Return the kind of values that the return annotation declares."""
    with user_code(path, f"{function.__name__}()"):
        hint = typing.get_type_hints(function).get("return")
    last = (typing.get_args(hint) or (None,))[-1]
    scalar = (typing.get_args(last) or (last,))[0]  # numpy's NDArray is an alias of its own from Python 3.12 on
    if isinstance(scalar, type) and issubclass(scalar, np.number | np.bool_):
        return "number"
    if isinstance(scalar, type) and issubclass(scalar, np.str_ | np.object_):
        return "category"
    raise ProjectError(
        f"{place}: annotate what it returns: NDArray[np.float64] for numbers, NDArray[np.str_] for categories"
    )
