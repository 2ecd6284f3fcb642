"""Windows of time: the rows of the newest days of a table, such as 60d."""

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract


def newest(rows: pd.DataFrame, contract: Contract, days: str, setting: str) -> np.ndarray:
    """Return for each of the typed *rows* whether its time is within the newest *days*; the newest row's time is one.

    Raises ProjectError, which names the *setting*, if the contract has no time.
    """
    if contract.time is None:
        raise ProjectError(
            f"params.yaml: {setting}: {days} needs the time of a row: name the column `time` in contract.yaml"
        )
    timestamps = rows[contract.time]
    oldest = timestamps.max() - pd.Timedelta(days=int(days.removesuffix("d")))
    return np.asarray((timestamps > oldest).fillna(False), dtype=bool)
