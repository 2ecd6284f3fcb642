"""How the metric varies between the periods of the reference, without any decay."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Monitor
from ..data import frame
from ..model import metrics
from .estimate import Estimate

EPOCH = pd.Timestamp("1970-01-05", tz="UTC")  # a Monday: periods of whole weeks start on one
MIN_PERIODS = 3  # of the reference, for the variation between them to be known


@dataclass(frozen=True)
class Reference:
    """What the rows that a model was evaluated on say about its performance."""

    estimate: Estimate | None = None
    spread: float = 0.0  # standard deviation; 0 where there are too few periods to know


def spread(contract: Contract, rows: pd.DataFrame, values: np.ndarray, params: Monitor) -> float:
    """Return the standard deviation of the primary metric between the periods of the reference *rows*.

    The rows of one week share more than chance explains, such as the weather, so a week may be worse without any decay.
    """
    if not contract.time:
        return 0.0
    truth = frame.target(rows, contract)
    number = (rows[contract.time].dt.tz_localize("UTC") - EPOCH) // pd.Timedelta(days=params.period_days)
    parts = [places for places in number.groupby(number).indices.values() if len(places) >= params.min_rows]
    scores = [metrics.score(contract, truth[places], values[places]) for places in parts]
    defined = [score for score in scores if math.isfinite(score)]
    return float(np.std(defined, ddof=1)) if len(defined) >= MIN_PERIODS else 0.0
