"""What follows from the predictions of candidate and champion on the test rows."""

from dataclasses import dataclass
from typing import Literal

from ..common.record import Record
from ..model.coverage import Coverage

Verdict = Literal["better", "worse", "same"]
Point = tuple[float, float]
TEST_ROWS = "test rows"
UNSEEN_ROWS = "rows of both test parts that neither model was trained on"


@dataclass(frozen=True)
class Score(Record):
    """One metric of both models with 95 % intervals; None where there is no champion or the value is undefined.

    The verdict is better or worse only where the whole interval of the difference is on one side of zero.
    """

    candidate: float | None
    champion: float | None = None
    difference: float | None = None
    candidate_low: float | None = None
    candidate_high: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Metric(Record):
    """A metric on all test rows; *baseline* is that of always predicting the most frequent class, or the mean."""

    name: str
    better: Literal["larger", "smaller"]
    score: Score
    baseline: float | None


@dataclass(frozen=True)
class Drop(Record):
    """What max_drop decides on: the difference of the primary metric on *rows*, which *which* describes.

    *high* is the upper end of its interval, as wide as it is on *noise_rows* rows: those of the champion, if it was
    evaluated on more, so that fewer rows excuse no larger drop.
    """

    rows: int
    which: str
    difference: float | None
    low: float | None
    high: float | None
    noise_rows: int


@dataclass(frozen=True)
class Intervals(Record):
    """The prediction intervals of both models on the test rows; *asked* is the coverage of the contract."""

    asked: float
    candidate: Coverage
    champion: Coverage | None


@dataclass(frozen=True)
class Recent(Record):
    """The primary metric on the newest rows, which *which* describes; *enough*: there are enough of them to decide."""

    rows: int
    which: str
    enough: bool
    score: Score


@dataclass(frozen=True)
class Slice(Record):
    """The primary metric on the rows with one value of a column; *below*: its whole interval is below the gate."""

    column: str
    value: str
    rows: int
    below: bool
    score: Score


@dataclass(frozen=True)
class ClassScore(Record):
    """The F1 score of one class of several."""

    value: str
    rows: int
    score: Score


@dataclass(frozen=True)
class Curve(Record):
    """A curve of both models: the names of its axes, and its points."""

    x: str
    y: str
    candidate: tuple[Point, ...]
    champion: tuple[Point, ...] | None


@dataclass(frozen=True)
class Confusion(Record):
    """Rows by actual class (outer) and predicted class (inner), in the order of *classes*."""

    classes: tuple[str, ...]
    candidate: tuple[tuple[int, ...], ...]
    champion: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True)
class Movement(Record):
    """How the predictions change from champion to candidate; the first three are None for numbers."""

    changed_share: float | None
    became_right: int | None
    became_wrong: int | None
    mean_absolute_change: float
    rank_correlation: float | None


@dataclass(frozen=True)
class Performance(Record):
    """What follows from the predictions of both models on the test rows; the primary metric is the first."""

    metrics: tuple[Metric, ...]
    movement: Movement | None
    slices: tuple[Slice, ...]
    classes: tuple[ClassScore, ...]
    confusion: Confusion | None
    curves: dict[str, Curve]
