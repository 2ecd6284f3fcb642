"""The report of drift: what `monitor` writes, and the review shows."""

from dataclasses import dataclass

from ..common.record import Record
from ..data.distribution import Shift


@dataclass(frozen=True)
class ColumnDrift(Record):
    """An input or the prediction; *drifted*: its index is above the limit, and above what chance explains.

    *usual* is the largest index of a window of the reference; *unseen* is the share of rows with a new category, or a
    number outside the range of the reference; *strange*: the share of new categories is above its limit.
    """

    column: str
    drifted: bool
    shift: Shift
    usual: float = 0.0
    unseen: float = 0.0
    strange: bool = False


@dataclass(frozen=True)
class Drift(Record):
    """Recent rows against the reference rows of the model with this digest; *refused* rows break the contract."""

    model: str
    target: str
    limit: float
    rows: int
    refused: int
    reference_rows: int
    drifted: tuple[str, ...]
    columns: tuple[ColumnDrift, ...]

    @property
    def refused_share(self) -> float:
        """The share of recent rows that break the contract."""
        return self.refused / max(self.rows, 1)
