"""The ASGI application of the service: routes, API key, errors, and backpressure.

Plain ASGI, because a request would spend more time in a web framework than in the model.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from ..model.scorer import Scorer
from . import adapters
from .admission import Admission, Headers, Message, Receive, Scored, Send
from .cors import with_cors
from .error_response import SCORED, refused
from .explain import PATH as EXPLAIN
from .explain import Explanations
from .limits import JSON, METRICS, Limits
from .log_settings import OFF, LogSettings
from .prediction_log import PredictionLog, logged_facts
from .protocol import Adapter
from .refusal import CONTRACT_HEADER, RequestError, of_contract
from .request_id import RequestIds
from .row_scorer import RowScorer
from .telemetry import CONTENT_TYPE, Telemetry

Page = tuple[str, Callable[[], bytes], Headers]  # content type, content, and further headers

RETRY_SECONDS = 1.0  # as in Retry-After: how long a refused caller's connection is held
HEALTH = ("/livez", "/readyz", "/healthz")  # BentoML answers GET on these paths
logger = logging.getLogger("bentoml.scoring")


class Api:
    """Answers requests once `start` has given it a model."""

    def start(
        self,
        scorer: Scorer,
        limits: Limits,
        lineage: dict[str, Any],
        pages: dict[str, Page],
        reasons: Explanations,
        log: LogSettings = OFF,
    ) -> None:
        """Serve *scorer* at /predict and /explain, within *limits*; *pages* are served by path."""
        self._limits, self._admission = limits, Admission(limits, self.score)
        model = {name: lineage[name] or "" for name in ("version", "run", "commit", "image")}
        self.telemetry = Telemetry(model, scorer.known_categories)
        self._pages: dict[str, Page] = {**pages, METRICS: (CONTENT_TYPE, self.telemetry.show, [])}
        self._contract = scorer.interface.contract
        names = {b"x-model-version": quote(lineage["version"]), CONTRACT_HEADER: self._contract}
        self._answered: Headers = [(b"content-type", JSON.encode()), *((k, v.encode()) for k, v in names.items())]
        self._adapters = adapters.by_path(scorer, lineage["version"], limits)
        self._ids = RequestIds()
        self._log = PredictionLog(log, scorer.contract, logged_facts(scorer, lineage), self.telemetry.logged)
        self._rows = RowScorer(scorer, limits.max_rows, self._log.sample)
        self._reasons = reasons
        self._app = with_cors(self._respond, limits)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        await self._app(scope, receive, send)

    async def _respond(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        path, received = scope["path"], dict(scope["headers"])
        request_id = self._ids.of(received)
        try:
            status, headers, body = 200, *await self._answer(scope, received, request_id, receive)
        except RequestError as refusal:
            status, headers, body = refused(path, refusal, self._adapters.refusing(path))
        except Exception as error:
            # without the message, which may contain values that were sent
            trace = "".join(traceback.format_tb(error.__traceback__))
            name = type(error).__name__
            logger.error("%s while answering %s, request %s\n%s", name, self._route(path), request_id, trace)
            internal = RequestError(500, "internal error; see the service log")
            status, headers, body = refused(path, internal, self._adapters.refusing(path))
        headers = [*headers, (b"x-request-id", request_id.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        overloaded = status == HTTPStatus.SERVICE_UNAVAILABLE
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body, "more_body": overloaded})
        self.telemetry.count(self._route(path), status, time.perf_counter() - started)
        if overloaded:  # the response is complete, but kept open: an immediate retry would slow accepted requests
            await asyncio.sleep(RETRY_SECONDS)
            await send({"type": "http.response.body"})

    def _route(self, path: str) -> str:
        adapter = self._adapters.get(path) if path not in SCORED else None
        return adapter.route if adapter else path if path in SCORED or path in self._pages else "other"

    async def _answer(
        self, scope: Message, headers: dict[bytes, bytes], request_id: str, receive: Receive
    ) -> tuple[Headers, bytes]:
        path, method, adapter = scope["path"], scope["method"], self._adapters.get(scope["path"])
        if not (adapter and adapter.open):
            self._limits.check_key(path, headers)
        if adapter and method not in adapter.methods:
            raise RequestError(405, f"{path}: use {adapter.methods[0]}")
        if adapter and adapter.page:
            return [(b"content-type", JSON.encode())], adapter.page()
        if path in SCORED or adapter:
            if method != "POST":
                raise RequestError(405, f"{path}: use POST")
            if path == EXPLAIN:
                return await self._explain(headers, receive)
            return await self._predict(headers, request_id, receive, adapter)
        page = self._pages.get(path)
        if page is None and path not in HEALTH:
            raise RequestError(404, "no such page: see /docs")
        if page is None or method not in ("GET", "HEAD"):
            raise RequestError(405, f"{path}: use GET")
        kind, content, extra = page
        return [(b"content-type", kind.encode()), (b"x-content-type-options", b"nosniff"), *extra], content()

    async def _predict(
        self, headers: dict[bytes, bytes], request_id: str, receive: Receive, adapter: Adapter | None
    ) -> tuple[Headers, bytes]:
        try:
            score = partial(self._rows.score_call, adapter) if adapter else None
            scored = await self._admission.answer(headers, receive, score)
        except RequestError as refusal:
            self._log.refuse(request_id, refusal)
            raise of_contract(refusal, headers, self._contract) from None
        self.telemetry.rows(scored.rows, scored.unknown)
        if not self._log.enabled:
            return self._answered, scored.content
        self._log.write(request_id, scored)  # before the response is sent, so that none is lost
        return [*self._answered, (b"x-prediction-id", request_id.encode())], scored.content

    async def _explain(self, headers: dict[bytes, bytes], receive: Receive) -> tuple[Headers, bytes]:
        try:
            return self._answered, await self._reasons.answer(headers, receive)
        except RequestError as refusal:
            raise of_contract(refusal, headers, self._contract) from None

    def score(self, body: bytes | bytearray) -> Scored:
        """Return the answers to the rows in *body*; raises RequestError."""
        return self._rows.score(body)
