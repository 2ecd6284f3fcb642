"""The service's own ASGI application: what it answers to whom, and how much it takes on at once.

Plain ASGI and bytes, because a request spends more time in a web framework than in the model.
"""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import numpy as np
from pydantic_core import to_json

from ..scorer import Scorer
from .limits import JSON, Limits
from .request import Reader, RequestError, detail
from .telemetry import CONTENT_TYPE, Telemetry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Page = tuple[str, Callable[[], bytes], Headers]  # its type, its content, and what else its header says

LONG = 65_536  # bytes of a body whose rows are scored beside the event loop, so that others are answered meanwhile
CHALLENGES = [(b"www-authenticate", b"Bearer"), (b"www-authenticate", b'Basic realm="scoring", charset="UTF-8"')]
HEALTH = ("/livez", "/readyz", "/healthz")  # BentoML answers GET there, and leaves the rest to us
logger = logging.getLogger("bentoml.scoring")


class Api:
    """Answers requests once `start` has given it a model."""

    def start(self, scorer: Scorer, limits: Limits, lineage: dict[str, Any], pages: dict[str, Page]) -> None:
        """Answer with *scorer* at /predict, within *limits*; *pages* are what can be read, by path."""
        self._scorer, self._limits = scorer, limits
        self._reader = Reader(scorer.contract, limits.max_rows)
        self.telemetry = Telemetry({name: lineage[name] or "" for name in ("version", "run", "commit", "image")})
        self._pages: dict[str, Page] = {**pages, "/metrics": (CONTENT_TYPE, self.telemetry.show, [])}
        version = quote(lineage["version"]).encode()
        self._answered: Headers = [(b"content-type", JSON.encode()), (b"x-model-version", version)]
        self._beside = ThreadPoolExecutor(1, "batch")
        self._busy = self._held = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
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
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        self.telemetry.count(self._route(path), status, time.perf_counter() - begun)

    def _route(self, path: str) -> str:
        return path if path == "/predict" or path in self._pages else "other"

    async def _answer(self, path: str, scope: MutableMapping[str, Any], receive: Receive) -> tuple[Headers, bytes]:
        method, headers = scope["method"], dict(scope["headers"])
        self._limits.check_key(headers)
        if path == "/predict":
            if method != "POST":
                raise RequestError(405, f"{path} takes POST")
            return self._answered, await self._predict(headers, receive)
        page = self._pages.get(path)
        if page is None and path not in HEALTH:
            raise RequestError(404, "there is no such page: look at /docs")
        if page is None or method not in ("GET", "HEAD"):
            raise RequestError(405, f"{path} takes GET")
        kind, content, more = page
        return [(b"content-type", kind.encode()), (b"x-content-type-options", b"nosniff"), *more], content()

    async def _predict(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        if self._busy >= self._limits.max_concurrency:
            raise RequestError(503, "too many requests are waiting: try again in a second")
        self._busy += 1
        body = bytearray()
        try:
            self._limits.check_body(headers)
            try:
                async with asyncio.timeout(self._limits.max_seconds):
                    await self._receive(body, receive)
            except TimeoutError:
                raise self._limits.too_slow() from None
            if len(body) > LONG:
                answer, rows = await asyncio.get_running_loop().run_in_executor(self._beside, self.score, body)
            else:
                await asyncio.sleep(0)  # lets those that arrived meanwhile be counted before the next is scored
                answer, rows = self.score(body)
            self.telemetry.rows(rows)
            return answer
        finally:
            self._busy -= 1
            self._held -= len(body)

    async def _receive(self, body: bytearray, receive: Receive) -> None:
        """Fill *body*, within the limits for one and, eight times that, for all that are in memory."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestError(400, "the body ended early")  # nobody reads it, but BentoML waits for an answer
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > self._limits.max_bytes:
                raise self._limits.too_large()
            if self._held > 8 * self._limits.max_bytes:
                raise RequestError(503, "too many large requests are waiting: try again in a second")
            more = message.get("more_body", False)

    def score(self, body: bytes | bytearray) -> tuple[bytes, int]:
        """Return the answers to the rows in *body*, as JSON, and how many they are; raises RequestError."""
        columns, many = self._reader.read(body)
        predicted = self._scorer.predict(columns)
        finite = np.isfinite(predicted)
        if not finite.all():
            rows = np.flatnonzero(~finite.reshape(len(predicted), -1).all(axis=1))[:1].tolist()
            raise RequestError(
                422, "the model has no answer", [detail(row, None, "Numbers are too large") for row in rows]
            )
        answers = self._scorer.worded(predicted)
        return to_json(answers if many else answers[0]), len(answers)

    def _refused(self, path: str, refusal: RequestError) -> tuple[Headers, bytes]:
        headers: Headers = [(b"content-type", JSON.encode())]
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            headers += CHALLENGES
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append((b"allow", b"POST" if path == "/predict" else b"GET, HEAD"))
        if refusal.status == HTTPStatus.REQUEST_TIMEOUT:
            headers.append((b"connection", b"close"))
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"retry-after", b"1"))
        return headers, json.dumps({"error": refusal.error, "details": refusal.details}, ensure_ascii=False).encode()
