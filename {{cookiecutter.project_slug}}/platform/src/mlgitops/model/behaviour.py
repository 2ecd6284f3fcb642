"""Checks of the functions in features.py on real rows, before anything is trained."""

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.features import Function
from ..contract.model_inputs import Feature
from ..data import frame
from ..data.encode import encode
from ..data.spacing import evenly_spaced

SAMPLE_ROWS = 1000  # of the table, evenly spaced
SINGLE_ROWS = 20  # of these, each alone
TOLERANCE = 1e-5  # relative: vectorised arithmetic may differ in the last digits


def check(contract: Contract, rows: pd.DataFrame) -> None:
    """Raise ProjectError unless each function of features.py computes a feature from its own row alone.

    The functions are called on a sample of the typed *rows*: together, one row at a time, and with every value missing
    that may be missing.
    """
    computed = [(feature, feature.function) for feature in contract.features if feature.function]
    if not computed:
        return
    sample = rows.iloc[evenly_spaced(len(rows), SAMPLE_ROWS)]
    together = encode(frame.columns(sample, contract), contract)
    for position in evenly_spaced(len(sample), SINGLE_ROWS):
        alone = encode(frame.columns(sample.iloc[[position]], contract), contract)
        for feature, function in computed:
            _compare(feature, function, together[feature.name][position, 0], alone[feature.name][0, 0])
    missing = {name: None for name, column in contract.inputs.items() if column.missing}
    encode(frame.columns(frame.parse(sample.iloc[:2].assign(**missing), contract), contract), contract)


def _compare(feature: Feature, function: Function, together: object, alone: object) -> None:
    if feature.kind == "number":
        same = bool(np.isclose(float(str(together)), float(str(alone)), rtol=TOLERANCE, atol=1e-12, equal_nan=True))
    else:
        same = together == alone
    if not same:
        raise ProjectError(
            f"{function.place}: returns {together} for a row among others, and {alone} for the same row alone: a "
            "feature must depend on its own row only (write statistics of the table into features.py as constants)"
        )
