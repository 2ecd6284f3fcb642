"""Checks that a function of features.py fits the columns of the contract."""

import difflib
from collections.abc import Collection, Mapping

from ..common.errors import ProjectError
from .features import Function


def check(function: Function, inputs: Collection[str], others: Mapping[str, str], taken: Collection[str]) -> None:
    """Raise ProjectError unless the parameters of *function* are *inputs* and its name is not *taken*.

    *others* are the columns that no function can read, each with the reason.
    """
    for name in function.columns:
        if name in inputs:
            continue
        if name in others:
            raise ProjectError(
                f"{function.place}: parameter {name!r}: that column {others[name]}, so no function can read it"
            )
        close = difflib.get_close_matches(name, inputs, 1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; the inputs are {', '.join(inputs)}"
        raise ProjectError(f"{function.place}: parameter {name!r}: contract.yaml has no such column{hint}")
    if function.name in taken:
        raise ProjectError(f"{function.place}: contract.yaml has a column or feature of that name: rename the function")
