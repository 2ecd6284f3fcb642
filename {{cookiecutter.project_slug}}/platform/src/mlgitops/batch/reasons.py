"""The columns of a scored table that hold the strongest reasons for each prediction."""

import numpy as np
import pyarrow as pa

from ..data.encode import Columns
from ..model.reasons import Explainer
from ..model.scorer import Scorer

BASE = pa.field("base", pa.float64())


def spread_over(kept: np.ndarray) -> pa.Array:
    """Return for each row its position among those that are *kept*, null for the others."""
    return pa.array(np.where(kept, np.cumsum(kept) - 1, 0), mask=~kept)


def fields(count: int) -> list[pa.Field]:
    """Return the columns of *count* reasons: base, and for each reason a column of the table and its contribution."""
    numbered = range(1, count + 1)
    pairs = [(pa.field(f"reason_{n}", pa.string()), pa.field(f"contribution_{n}", pa.float64())) for n in numbered]
    return [BASE, *(field for pair in pairs for field in pair)] if count else []


class ReasonColumns:
    """Computes the columns of at most *count* reasons, none with 0."""

    def __init__(self, scorer: Scorer, count: int) -> None:
        """Explain the predictions of *scorer*; raises ProjectError if it was exported without a background."""
        self._explainer = Explainer(scorer) if count else None
        self._count = count

    def added(
        self, answers: pa.RecordBatch, columns: Columns, predicted: np.ndarray | None, kept: np.ndarray
    ) -> pa.RecordBatch:
        """Return *answers* with the reasons for what was *predicted* for the *kept* rows in *columns*."""
        if self._explainer is None:
            return answers
        schema = pa.schema(fields(self._count))
        values = self._values(self._explainer, columns, predicted) if predicted is not None else [[]] * len(schema)
        spread = spread_over(kept) if predicted is not None else pa.nulls(len(kept), pa.int64())
        arrays = [pa.array(column, kind).take(spread) for column, kind in zip(values, schema.types, strict=True)]
        whole = pa.schema([*answers.schema, *schema])
        return pa.RecordBatch.from_arrays([*answers.columns, *arrays], schema=whole)

    def _values(self, explainer: Explainer, columns: Columns, predicted: np.ndarray) -> list[list[object]]:
        reasons = explainer.reasons(columns, predicted)
        values: list[list[object]] = [[] for _ in fields(self._count)]
        for row, base in enumerate(reasons.base):
            strongest = reasons.strongest(row, self._count)
            strongest = strongest if np.isfinite(reasons.contributions[row]).all() else []
            cells: list[object] = [value for reason in strongest for value in reason]
            cells += [None] * (2 * self._count - len(cells))
            for column, cell in zip(values, [float(base), *cells], strict=True):
                column.append(cell)
        return values
