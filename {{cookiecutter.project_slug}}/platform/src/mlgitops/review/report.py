"""The report of a review: what was compared, what was measured, and what the gates decided."""

from dataclasses import dataclass, field

from pydantic import JsonValue

from ..common.record import Record
from ..data.validation_report import ValidationReport
from ..model.parity import Parity
from ..monitoring.report import Drift
from .data_change import DataChange
from .performance import Drop, Intervals, Performance, Recent, Score
from .statement import Statement


@dataclass(frozen=True)
class Source(Record):
    """Where a model comes from, as far as it is known; *role* is what a champion is called that is none yet."""

    name: str
    version: str | None = None
    commit: str | None = None
    run_id: str | None = None
    role: str = "champion"


@dataclass(frozen=True)
class ModelFacts(Record):
    """A model that was reviewed: its source, its size and speed, and what its manifest says of its origin."""

    source: Source
    model_sha256: str
    contract_sha256: str | None
    pipeline_sha256: str | None
    test_sha256: str | None
    threshold: float
    packages: dict[str, str]
    parity: Parity | None
    size_bytes: int
    latency_ms: float
    test_rows: int | None


@dataclass(frozen=True)
class Change(Record):
    """A setting that differs between champion and candidate; None where it is absent."""

    name: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True)
class Importance(Record):
    """The importance of a column or feature in both models; Evidence.reasons says how it is measured."""

    feature: str
    candidate: float | None
    champion: float | None


@dataclass(frozen=True)
class Limits(Record):
    """The settings of params.yaml that the gates and the pages show beside the measurements."""

    max_drop: float | None
    min_slice_score: float | None
    parity_tolerance: float


@dataclass(frozen=True)
class Evidence(Record):
    """Everything that the gates decide on and the pages show; *incompatible*: why the champion cannot be evaluated.

    *reasons*: whether an importance is the mean absolute contribution of a column to a prediction, and not the decrease
    of the primary metric when the values of a feature are shuffled. *leaks*: those that the contract does not
    acknowledge, in words; *class_rows*: test rows by class.
    """

    project: str
    task: str
    target: str
    metric: str
    rows: int
    rows_sha256: str | None
    candidate: ModelFacts
    champion: ModelFacts | None
    incompatible: tuple[str, ...]
    notes: tuple[str, ...]
    performance: Performance
    drop: Drop | None
    data: DataChange | None
    drift: Drift | None
    importances: tuple[Importance, ...]
    params: tuple[Change, ...] | None
    contract: tuple[Change, ...]
    validation: ValidationReport | None
    limits: Limits
    leaks: tuple[str, ...] = ()
    class_rows: dict[str, int] = field(default_factory=dict)
    recent: Recent | None = None
    reasons: bool = False
    behaviour: tuple[Statement, ...] = ()
    intervals: Intervals | None = None

    @property
    def primary(self) -> Score:
        """The primary metric on all test rows."""
        return self.performance.metrics[0].score

    @property
    def opponent(self) -> str:
        """What the other model is called."""
        return self.champion.source.role if self.champion else "champion"

    @property
    def compared(self) -> bool:
        """Whether the champion was evaluated on the same rows."""
        return self.champion is not None and not self.incompatible


@dataclass(frozen=True)
class Gate(Record):
    """The result of one gate; *passed* is None where it is switched off or does not apply."""

    name: str
    passed: bool | None
    measured: str
    required: str
    advice: str


@dataclass(frozen=True)
class Report(Record):
    """The decision on the model with this digest, in words that other records quote, and its evidence.

    *unproven*: classes with so few test rows that an accepted model is not proven.
    """

    accepted: bool
    verdict: str
    outcome: str
    model_sha256: str
    refused_by: tuple[str, ...]
    gates: tuple[Gate, ...]
    evidence: Evidence
    unproven: tuple[str, ...] = ()
