"""Checks the functions of features.py on real rows: each result must depend on its own row alone."""

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data import frame
from ..data.encode import encode

SAMPLE_ROWS = 1000  # evenly spaced
SINGLE_ROWS = 20  # rows of the sample that are also tried alone


def check(contract: Contract, rows: pd.DataFrame) -> None:
    """Raise ProjectError if a function of features.py fails on typed *rows*, or differs for a row alone.

    A sample is tried as a table, some rows of it alone, and two rows with every optional value missing.
    """
    functions = [feature for feature in contract.features if feature.function]
    if not functions:
        return
    sample = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, SAMPLE_ROWS).astype(int))]
    together = encode(frame.columns(sample, contract), contract)
    for position in np.unique(np.linspace(0, len(sample) - 1, SINGLE_ROWS).astype(int)):
        alone = encode(frame.columns(sample.iloc[[position]], contract), contract)
        for feature in functions:
            first, second = together[feature.name][position], alone[feature.name][0]
            if not (first == second or (first != first and second != second)):
                raise ProjectError(
                    f"{feature.function and feature.function.place}: returns {first[0]!r} for a row among "
                    f"{len(sample)}, and {second[0]!r} for that row alone: a feature must depend on "
                    "its own row alone (write statistics of the table as constants)"
                )
    missing = {name: None for name, column in contract.inputs.items() if column.missing}
    encode(frame.columns(frame.parse(sample.iloc[:2].assign(**missing), contract), contract), contract)
