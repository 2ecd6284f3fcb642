"""The service's own ASGI application: what it answers to whom, and how much it takes on at once.

Plain ASGI and bytes, because a request spends more time in a web framework than in the model.
"""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import numpy as np
from pydantic_core import to_json

from ..model.scorer import Scorer
from .admission import Headers, Intake, Message, Receive, Scored, Send
from .limits import JSON, Limits
from .request import Reader, RequestError, detail
from .telemetry import CONTENT_TYPE, Telemetry

Page = tuple[str, Callable[[], bytes], Headers]  # its type, its content, and what else its header says

PAUSE = 1.0  # seconds, as Retry-After says, until a caller who was sent away is heard again on that connection
MORE: dict[int, Headers] = {  # what a refusal's header says besides
    401: [(b"www-authenticate", b"Bearer"), (b"www-authenticate", b'Basic realm="scoring", charset="UTF-8"')],
    408: [(b"connection", b"close")],
    503: [(b"retry-after", b"1")],
}
HEALTH = ("/livez", "/readyz", "/healthz")  # BentoML answers GET there, and leaves the rest to us
logger = logging.getLogger("bentoml.scoring")


class Api:
    """Answers requests once `start` has given it a model."""

    def start(self, scorer: Scorer, limits: Limits, lineage: dict[str, Any], pages: dict[str, Page]) -> None:
        """Answer with *scorer* at /predict, within *limits*; *pages* are what can be read, by path."""
        self._scorer, self._limits, self._intake = scorer, limits, Intake(limits, self.score)
        self._reader = Reader(scorer.contract, limits.max_rows)
        self.telemetry = Telemetry({name: lineage[name] or "" for name in ("version", "run", "commit", "image")})
        self._pages: dict[str, Page] = {**pages, "/metrics": (CONTENT_TYPE, self.telemetry.show, [])}
        version = quote(lineage["version"]).encode()
        self._answered: Headers = [(b"content-type", JSON.encode()), (b"x-model-version", version)]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is; see the ASGI specification."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        begun = time.perf_counter()
        path = scope["path"]
        try:
            status, headers, body = 200, *await self._answer(path, scope, receive)
        except RequestError as refusal:
            status, (headers, body) = refusal.status, self._refused(path, refusal)
        except Exception as error:
            # without the message, which may hold what was sent
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s while answering %s\n%s", type(error).__name__, self._route(path), where)
            status, (headers, body) = 500, self._refused(path, RequestError(500, "the service has failed: see its log"))
        headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        full = status == HTTPStatus.SERVICE_UNAVAILABLE
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body, "more_body": full})
        self.telemetry.count(self._route(path), status, time.perf_counter() - begun)
        if full:  # the caller has all of it, but who asks again at once would take the time of those that are let in
            await asyncio.sleep(PAUSE)
            await send({"type": "http.response.body"})

    def _route(self, path: str) -> str:
        return path if path == "/predict" or path in self._pages else "other"

    async def _answer(self, path: str, scope: Message, receive: Receive) -> tuple[Headers, bytes]:
        method, headers = scope["method"], dict(scope["headers"])
        self._limits.check_key(headers)
        if path == "/predict":
            if method != "POST":
                raise RequestError(405, f"{path} takes POST")
            answer, rows = await self._intake.answer(headers, receive)
            self.telemetry.rows(rows)
            return self._answered, answer
        page = self._pages.get(path)
        if page is None and path not in HEALTH:
            raise RequestError(404, "there is no such page: look at /docs")
        if page is None or method not in ("GET", "HEAD"):
            raise RequestError(405, f"{path} takes GET")
        kind, content, more = page
        return [(b"content-type", kind.encode()), (b"x-content-type-options", b"nosniff"), *more], content()

    def score(self, body: bytes | bytearray) -> Scored:
        """Return the answers to the rows in *body*, as JSON, and how many they are; raises RequestError."""
        columns, many = self._reader.read(body)
        predicted = self._scorer.predict(columns)
        finite = np.isfinite(predicted)
        if not finite.all():
            rows = np.flatnonzero(~finite.reshape(len(predicted), -1).all(axis=1))[:1].tolist()
            raise RequestError(
                422, "the model has no answer", [detail(row, None, "Numbers are too large") for row in rows]
            )
        answers = self._scorer.to_answers(predicted)
        return to_json(answers if many else answers[0]), len(answers)

    def _refused(self, path: str, refusal: RequestError) -> tuple[Headers, bytes]:
        headers = [(b"content-type", JSON.encode()), *MORE.get(refusal.status, [])]
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append((b"allow", b"POST" if path == "/predict" else b"GET, HEAD"))
        return headers, json.dumps({"error": refusal.error, "details": refusal.details}, ensure_ascii=False).encode()
