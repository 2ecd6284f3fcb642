"""The model as a function of DuckDB, which gives it a part of a table at a time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..common.errors import ProjectError
from ..model.scorer import Scorer
from ..serving.rows import missing_columns
from .by_column import TableScorer, fields

if TYPE_CHECKING:
    import duckdb

TYPES = {pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN", pa.string(): "VARCHAR"}


def register(connection: "duckdb.DuckDBPyConnection", folder: str | Path, name: str = "score") -> None:
    """Let *connection* score with the exported model in *folder*: `select unnest(score(t)) from table as t`.

    The function takes a row and returns prediction, probabilities and `error`; they equal those of batch scoring. It
    raises ProjectError if a column is missing.
    """
    scorer = Scorer(Path(folder))
    table, answer = TableScorer(scorer), fields(scorer.contract)

    def scored(*rows: pa.ChunkedArray) -> pa.Array:
        parts = [pa.RecordBatch.from_struct_array(part) for chunks in rows for part in chunks.chunks]
        for part in parts:
            if missing := missing_columns(scorer.contract, part.schema.names):
                raise ProjectError(f"{name}: missing columns that the model needs: {', '.join(missing)}")
        answers = [table.score(part).columns.to_struct_array() for part in parts]
        return pa.concat_arrays(answers)

    returned = ", ".join(f'"{field.name}" {TYPES[field.type]}' for field in answer)
    create: Any = connection.create_function  # its types have no words for these options, which it takes
    create(name, scored, None, f"STRUCT({returned})", type="arrow", null_handling="special")
