"""The answers to a table: its parts with predictions, and what is counted beside them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from ..model.scorer import Scorer
from .by_column import TableScorer
from .parts import in_order
from .stamp import Stamp, added, check_free

EXAMPLES = 5  # errors that are printed


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


def answers(
    parts: Iterable[pa.RecordBatch], scorer: Scorer, stamp: Stamp, source: str, reasons: int = 0
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Yield each part with its predictions and *reasons*, and why its refused positions are; raises ProjectError."""
    table, names = TableScorer(scorer, reasons), added(scorer.contract, stamp, reasons).names

    def answered(part: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, str]]:
        check_free(part.schema.names, names, source)
        scored = table.score(part)
        return stamp.beside(part, scored), scored.refused

    yield from in_order(answered, parts)
