"""Checks of the functions in features.py on real rows: what they return must depend on each row alone."""

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data import frame
from ..data.encode import encode

ROWS = 1000  # of the table, evenly spaced
ALONE = 20  # of these, each by itself


def check(contract: Contract, rows: pd.DataFrame) -> None:
    """Raise ProjectError where a function of features.py fails on typed *rows*, or answers one row in another way.

    Rows are tried together, each alone, and with every value missing that the contract lets be missing.
    """
    functions = [feature for feature in contract.features if feature.function]
    if not functions:
        return
    some = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))]
    together = encode(frame.columns(some, contract), contract)
    for at in np.unique(np.linspace(0, len(some) - 1, ALONE).astype(int)):
        alone = encode(frame.columns(some.iloc[[at]], contract), contract)
        for feature in functions:
            first, second = together[feature.name][at], alone[feature.name][0]
            if not (first == second or (first != first and second != second)):
                raise ProjectError(
                    f"{feature.function and feature.function.place}: returns {first[0]!r} for a row among {len(some)}, "
                    f"and {second[0]!r} for that row alone: a feature must follow from its own row (put statistics of "
                    "the table into the function as constants)"
                )
    missing = {name: None for name, column in contract.inputs.items() if column.missing}
    encode(frame.columns(frame.parse(some.iloc[:2].assign(**missing), contract), contract), contract)
