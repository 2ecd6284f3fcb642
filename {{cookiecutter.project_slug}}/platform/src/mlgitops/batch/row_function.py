"""The model as a function of one row, for databases that run Python: a row as JSON gives an answer as JSON.

It needs what the service needs to score, and neither pandas nor Arrow: a database has a Python of its own.
"""

import json
from pathlib import Path

import numpy as np

from ..model.scorer import Scorer
from ..serving.refusal import NOT_FINITE, RequestError, reasons
from ..serving.request import RequestParser


class RowFunction:
    """Scores rows with one model; predictions and errors equal those of batch scoring."""

    def __init__(self, folder: str) -> None:
        """Score with the exported model in *folder*; raises ProjectError if it is not complete."""
        self._scorer = Scorer(Path(folder))
        self._names = tuple(self._scorer.contract.inputs)
        self._parser = RequestParser(self._scorer.contract, max_rows=1)

    def __call__(self, row: str) -> str:
        """Return the answer to *row*, an object that may have more fields, or `error` if it breaks the contract."""
        sent = json.loads(row)
        inputs = {name: sent[name] for name in self._names if name in sent}
        try:
            columns, _ = self._parser.read(json.dumps(inputs, ensure_ascii=False).encode())
        except RequestError as error:
            return json.dumps({"error": reasons(error)}, ensure_ascii=False)
        predicted = self._scorer.predict(columns)
        answer = self._scorer.to_answers(predicted)[0] if np.isfinite(predicted).all() else {"error": NOT_FINITE}
        return json.dumps(answer, ensure_ascii=False)
