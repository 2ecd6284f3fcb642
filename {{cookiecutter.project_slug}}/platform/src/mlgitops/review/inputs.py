"""What a review is made from: the models, and what is known beside them."""

from dataclasses import dataclass

import pandas as pd

from ..data.profile import Profile
from ..model.scorer import Scorer
from ..monitoring.report import Drift
from .data_change import DataChange
from .report import Source


@dataclass(frozen=True)
class Model:
    """A loaded model, where it comes from, and the profile of its data if there is one.

    *evaluated* is the model that has not seen the test part, where the exported one was fitted again on all rows.
    """

    scorer: Scorer
    source: Source
    profile: Profile | None = None
    evaluated: Scorer | None = None


@dataclass(frozen=True)
class RecentRows:
    """The newest rows that the candidate has not learned from, typed, and where they come from."""

    rows: pd.DataFrame
    which: str


@dataclass(frozen=True)
class Context:
    """What a review knows beyond the models and the test rows.

    *unseen* are the rows of both test parts that neither model was trained on, *recent* the newest rows, *learned* the
    number of test rows that the champion was trained on.
    """

    data: DataChange | None = None
    unseen: pd.DataFrame | None = None
    drift: Drift | None = None
    recent: RecentRows | None = None
    learned: int | None = None


EMPTY = Context()
