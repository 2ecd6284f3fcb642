"""The answers in the prediction log as rows of the table of predictions, which batch runs fill as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ..batch.online import OnlinePredictions
from ..batch.predictions import Prediction
from ..batch.targets import TABLE
from ..batch.to_database import connected, keys, rows
from ..common.errors import ProjectError
from ..contract.contract import Contract
from .log_reader import FACTS, INPUT, Header


class AnswerTable:
    """The table of predictions; writing the same answers again changes nothing."""

    def __init__(self, table: OnlinePredictions, contract: Contract) -> None:
        """Write answers to *table*, by the key of *contract*."""
        self._table, self._contract = table, contract
        self.rows = self.without_key = 0

    def write(self, logged: pa.Table) -> None:
        """Write the answers in a table of the log; raises ProjectError if it has no column of the key."""
        answers = list(self._answers(logged))
        self._table.write(answers)
        self.rows += len(answers)

    def _answers(self, logged: pa.Table) -> Iterator[tuple[str, Prediction, datetime]]:
        header = Header.model_validate_json(logged.schema.metadata[FACTS])
        names = [INPUT + name for name in self._contract.key]
        if missing := [name.removeprefix(INPUT) for name in names if name not in logged.schema.names]:
            raise ProjectError(
                f"the prediction log has no {', '.join(missing)}, which is part of the key in contract.yaml: name it "
                "in SCORING_LOG_COLUMNS of the service"
            )
        answered = logged.filter(pc.is_valid(logged.column("prediction")))
        complete = answered.select(names).drop_null().num_rows
        self.without_key += answered.num_rows - complete
        for name in names:
            answered = answered.filter(pc.is_valid(answered.column(name)))
        part = _predicted(answered, header)
        renamed = answered.select(names).rename_columns(self._contract.key).combine_chunks()
        identifiers = [key for batch in renamed.to_batches() for key in keys(batch, self._contract)]
        moments = answered.column("at").to_pylist()
        for prediction, moment in zip(rows(part, identifiers, header.classes), moments, strict=True):
            yield header.version, prediction, moment


def _predicted(answered: pa.Table, header: Header) -> pa.Table:
    """Return the columns of answers with the types that batch scoring gives them."""
    if header.prediction == "boolean":
        booleans = pc.equal(answered.column("prediction"), "true")
        answered = answered.set_column(answered.schema.get_field_index("prediction"), "prediction", booleans)
    return answered.append_column("error", pa.nulls(answered.num_rows, pa.string()))


@contextmanager
def opened(name: str, contract: Contract) -> Iterator[AnswerTable]:
    """Yield the table that *name* (table:predictions) names in the database of DATABASE_URL; raises ProjectError."""
    if not name.startswith(TABLE):
        raise ProjectError(f"OUT is {name}: write table:NAME, a table of the database in DATABASE_URL, or leave it out")
    with connected(name.removeprefix(TABLE), contract) as connection:
        table = OnlinePredictions(connection, name.removeprefix(TABLE))
        table.create()
        yield AnswerTable(table, contract)
