"""Reasons for predictions, at /explain: with a limit of rows, a queue and a thread of their own.

One row costs as much as a thousand predictions: /predict keeps answering from the event loop, and its queue stays free.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from ..model.background import FILE
from ..model.reasons import Explainer
from ..model.scorer import Scorer
from .admission import Admission, Receive, Scored
from .limits import Limits
from .log_sample import LogSample
from .refusal import RequestError
from .request import RequestParser
from .row_scorer import check_finite

PATH = "/explain"
MAX_COST = 500_000  # rows that the model scores for one request, which takes seconds
QUEUE_SHARE = 16  # a request for reasons takes as many places of the queue
NO_BACKGROUND = (
    "this model gives no reasons, because it was exported without background rows: set export.background_rows in "
    "params.yaml, and release a model with it"
)
OFF = "this service gives no reasons: set SCORING_EXPLAIN_ROWS to the most rows of a request"


class Explanations:
    """Answers requests for reasons; *rows* is the most rows of one, 0 where there are no reasons."""

    def __init__(self, scorer: Scorer, limits: Limits) -> None:
        """Explain the predictions of *scorer*, within *limits*."""
        self._scorer, self._absent = scorer, NO_BACKGROUND if limits.explain_rows else OFF
        present = limits.explain_rows > 0 and (scorer.folder / FILE).is_file()
        self._explainer = Explainer(scorer) if present else None
        self.rows = min(limits.explain_rows, max(MAX_COST // self._explainer.cost, 1)) if self._explainer else 0
        self._parser = RequestParser(scorer.contract, max(self.rows, 1))
        places = max(limits.max_concurrency // QUEUE_SHARE, 1)
        self._admission = Admission(replace(limits, max_concurrency=places), self.score, in_thread=True)

    async def answer(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Return the answers to the body that *receive* delivers; raises RequestError."""
        if not self._explainer:
            raise RequestError(404, self._absent)
        return (await self._admission.answer(headers, receive)).content

    def score(self, body: bytes | bytearray) -> Scored:
        """Return the answers to the rows in *body*, with their reasons; raises RequestError."""
        if not self._explainer:
            raise RequestError(404, self._absent)
        columns, batch = self._parser.read(body)
        predicted = self._scorer.predict(columns)
        check_finite(predicted, "the model cannot score this row")
        reasons = self._explainer.reasons(columns, predicted)
        check_finite(reasons.contributions, "the model gives no reasons for this row")
        answers: list[dict[str, Any]] = [
            {
                **answer,
                "base": float(reasons.base[row]),
                "reasons": [{"field": name, "contribution": share} for name, share in reasons.strongest(row)],
            }
            for row, answer in enumerate(self._scorer.to_answers(predicted))
        ]
        content = to_json(answers if batch else answers[0])
        return Scored(content, len(answers), LogSample((), 0), batch, Counter())
