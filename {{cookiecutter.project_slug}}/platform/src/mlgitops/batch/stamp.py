"""What is written beside each answer: the model, the run, and when it began; and the columns that scoring adds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from .by_column import Answers, fields
from .reasons import fields as reason_fields

MADE = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Stamp:
    """The version of the model, the run, and when the run began."""

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

    def beside(self, part: pa.RecordBatch, scored: Answers) -> pa.RecordBatch:
        """Return *part* with its answers and this stamp."""
        stamps = self.fields()
        repeated = (pa.repeat(value, part.num_rows) for value in stamps.values())
        schema = pa.schema([*part.schema, *scored.columns.schema, *stamps])
        return pa.RecordBatch.from_arrays([*part.columns, *scored.columns.columns, *repeated], schema=schema)


def added(contract: Contract, stamp: Stamp, reasons: int = 0) -> pa.Schema:
    """Return the columns that scoring adds to a table, with so many *reasons*."""
    return pa.schema([*fields(contract), *reason_fields(reasons), *stamp.fields()])


def check_free(present: Iterable[str], names: Iterable[str], source: str) -> None:
    """Raise ProjectError if the table *source* has one of the columns that scoring adds."""
    new = set(names)
    if taken := [name for name in present if name in new]:
        raise ProjectError(f"{source}: scoring would overwrite {', '.join(taken)}: rename or drop these columns")
