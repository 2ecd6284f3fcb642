"""Checks that functions of features.py, and times that join other columns, fit the columns of the contract."""

import difflib
from collections.abc import Collection, Mapping

from ..common.errors import ProjectError
from .column import Column
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


def check_joins(columns: Mapping[str, Column], others: Collection[str]) -> None:
    """Raise ValueError if a time joins what is no column of the table, or is one of *others*: the target, or a key."""
    for name, column in columns.items():
        for part in column.join or ():
            if part not in columns or columns[part].join:
                raise ValueError(f"column {name!r}: join: {part!r} is no column of the table")
        if column.join and name in others:
            raise ValueError(f"column {name!r}: join: such a column cannot be the target or a key; name its parts")
