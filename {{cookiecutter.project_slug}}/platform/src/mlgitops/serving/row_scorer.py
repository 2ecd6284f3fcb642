"""Scores the body of a request part by part, so that what it costs is bounded."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from pydantic_core import to_json

from ..model.scorer import Scorer
from .admission import Scored
from .body_parts import ARRAY
from .log_sample import LogSample
from .protocol import Adapter
from .refusal import RequestError, detail
from .request import Columns, RequestParser


class RowScorer:
    """Turns bodies into answers."""

    def __init__(self, scorer: Scorer, max_rows: int, sample: Callable[[], LogSample]) -> None:
        """Score with *scorer*, at most *max_rows* rows at once; *sample* is for the prediction log."""
        self._scorer, self._sample = scorer, sample
        self._parser = RequestParser(scorer.contract, max_rows)

    def score(self, body: bytes | bytearray) -> Scored:
        """Return the answers to the rows in *body*; raises RequestError."""
        return self._scored(self._parser.parts(body), ARRAY.match(body) is not None)

    def score_call(self, adapter: Adapter, body: bytearray) -> Scored:
        """Return the answers to the rows in *body*, both in the form of *adapter*; raises RequestError."""
        call = adapter.read(body)  # type: ignore[misc]  # an adapter without a page reads
        scored = self._scored(self._parts(call.bodies()), batch=True)
        return scored._replace(content=call.answer(scored.content))

    def _parts(self, bodies: Iterable[bytes | bytearray]) -> Iterator[Columns]:
        """Yield the columns of the rows in several bodies as of one; raises RequestError."""
        before = 0  # rows of the bodies before this one
        try:
            for body in bodies:
                rows = 0
                for columns in self._parser.parts(body):
                    rows += len(next(iter(columns.values())))
                    yield columns
                before += rows
        except RequestError as error:
            raise error.shifted(before) from None

    def _scored(self, parts: Iterable[Columns], batch: bool) -> Scored:
        sample, texts, rows, unknown = self._sample(), list[bytes](), 0, Counter[str]()
        for columns in parts:
            answers = self._answers(columns, rows)
            texts.append(to_json(answers if batch else answers[0])[batch : -1 if batch else None])
            sample.add(columns, answers)
            if counts := self._scorer.unknown_categories(columns):
                unknown.update(counts)
            rows += len(answers)
        return Scored(b"[%b]" % b",".join(texts) if batch else texts[0], rows, sample, batch, unknown)

    def _answers(self, columns: Columns, first: int) -> list[dict[str, Any]]:
        """Return one answer per row; raises RequestError, its rows counted from *first*."""
        predicted = self._scorer.predict(columns)
        check_finite(predicted, "the model cannot score this row", first)
        return self._scorer.to_answers(predicted)


def check_finite(values: np.ndarray, message: str, first: int = 0) -> None:
    """Raise RequestError with *message* for the first row of *values* that is not finite, counted from *first*."""
    finite = np.isfinite(values)
    if not finite.all():
        row = first + int(np.flatnonzero(~finite.reshape(len(values), -1).all(axis=1))[0])
        raise RequestError(422, message, [detail(row, None, "Numbers are too large")])
