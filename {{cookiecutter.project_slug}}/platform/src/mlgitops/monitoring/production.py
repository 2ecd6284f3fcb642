"""The report on production: what `performance` writes, and the alarm reads."""

from dataclasses import dataclass
from typing import Literal

from ..common.record import Record
from .outcomes import OutcomeCounts

Verdict = Literal["worse", "as evaluated", "too few outcomes", "too recent", "undefined"]


@dataclass(frozen=True)
class Value(Record):
    """A metric with its 95 % interval; None where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Period(Record):
    """The predictions of one version in one period; *estimated* is a metric that gates nothing."""

    start: str
    end: str
    version: str
    rows: int
    labelled: int
    label_delay_days: float | None  # median
    evaluated: float | None  # the metric when the model was evaluated
    score: Value
    metrics: dict[str, float | None]
    estimated: float | None
    verdict: Verdict

    @property
    def labelled_share(self) -> float:
        """The share of predictions with an outcome."""
        return self.labelled / max(self.rows, 1)


@dataclass(frozen=True)
class SliceScore(Record):
    """The rows of the latest periods with one value of a logged column."""

    column: str
    value: str
    rows: int
    score: Value


@dataclass(frozen=True)
class Production(Record):
    """Performance of the models in production; *reasons* are why it is an alarm."""

    target: str
    metric: str
    until: str
    version: str | None  # the version that answered last, which the alarm is about
    predictions: int
    repeated_ids: int
    refused: int  # requests that broke the contract
    refused_share: float  # of the newest requests of that version
    outcomes: OutcomeCounts
    periods: tuple[Period, ...]
    slices: tuple[SliceScore, ...]
    reasons: tuple[str, ...]
