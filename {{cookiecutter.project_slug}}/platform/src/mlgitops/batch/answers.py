"""The answers to a table: its parts with predictions, and what is written and counted beside them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..model.scorer import Scorer
from .by_column import Answers, TableScorer, fields
from .parts import in_order
from .reasons import fields as reason_fields

MADE = pa.timestamp("us", "UTC")
EXAMPLES = 5  # errors that are printed


@dataclass(frozen=True)
class Stamp:
    """What is written beside each answer: the version of the model, the run, and when the run began."""

    model: str
    run: str
    made: datetime

    @classmethod
    def now(cls, model: str, run: str | None = None) -> "Stamp":
        """Return the stamp of a run that begins; it gets a name if it has none."""
        made = datetime.now(UTC)
        return cls(model, run or made.strftime("%Y%m%dT%H%M%S.%fZ"), made)

    def fields(self) -> dict[pa.Field, pa.Scalar]:
        """Return the columns, and the value in each of them."""
        values = {"model": self.model, "run": self.run}
        columns = {pa.field(name, pa.string()): pa.scalar(text, pa.string()) for name, text in values.items()}
        return columns | {pa.field("made", MADE): pa.scalar(self.made, MADE)}


@dataclass
class Count:
    """How many rows were scored and refused, and the first reasons."""

    rows: int = 0
    refused: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, rows: int, reasons: dict[int, str]) -> None:
        """Count the next part, whose rows at these positions were refused for these *reasons*."""
        room = EXAMPLES - len(self.examples)
        self.examples += [f"row {self.rows + position}, {why}" for position, why in list(reasons.items())[:room]]
        self.rows, self.refused = self.rows + rows, self.refused + len(reasons)


def added(contract: Contract, stamp: Stamp, reasons: int = 0) -> pa.Schema:
    """Return the columns that scoring adds to a table, with so many *reasons*."""
    return pa.schema([*fields(contract), *reason_fields(reasons), *stamp.fields()])


def answers(
    parts: Iterable[pa.RecordBatch], scorer: Scorer, stamp: Stamp, source: str, reasons: int = 0
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Yield each part with its predictions and *reasons*, and why its refused positions are; raises ProjectError."""
    table, names = TableScorer(scorer, reasons), added(scorer.contract, stamp, reasons).names

    def answered(part: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, str]]:
        if taken := [name for name in part.schema.names if name in names]:
            raise ProjectError(f"{source}: scoring would overwrite {', '.join(taken)}: rename or drop these columns")
        return _with_answers(part, table.score(part), stamp)

    yield from in_order(answered, parts)


def _with_answers(part: pa.RecordBatch, scored: Answers, stamp: Stamp) -> tuple[pa.RecordBatch, dict[int, str]]:
    stamps = stamp.fields()
    columns = [*part.columns, *scored.columns.columns, *(pa.repeat(value, part.num_rows) for value in stamps.values())]
    schema = pa.schema([*part.schema, *scored.columns.schema, *stamps])
    return pa.RecordBatch.from_arrays(columns, schema=schema), scored.refused
