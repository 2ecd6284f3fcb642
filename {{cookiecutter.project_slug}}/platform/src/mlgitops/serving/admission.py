"""Admission control: receives request bodies and scores them in turn, within bounds of memory and queue."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from .body_parts import PART_BYTES
from .limits import Limits
from .log_sample import LogSample
from .refusal import RequestError

Message = MutableMapping[str, Any]  # these four are ASGI types
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

TURNS = 16  # small bodies that are scored before the event loop looks for new requests
MAX_THREAD_SECONDS = 20  # for a large body to be scored


class Scored(NamedTuple):
    """The answers to one request: as JSON, and with all that the prediction log may write."""

    content: bytes
    rows: int
    sample: LogSample
    batch: bool  # whether the body was an array of rows
    unknown: Counter[str]  # values of each column that the model has never seen


Score = Callable[[bytearray], Scored]


class Admission:
    """The requests that one worker has accepted."""

    def __init__(self, limits: Limits, score: Score, in_thread: bool = False) -> None:
        """Score bodies with *score*, within *limits*; large ones in a thread, or all."""
        self._limits, self._score = limits, score
        self._part_bytes = -1 if in_thread else PART_BYTES
        self._held = self._large = 0  # bytes of bodies, and bodies that wait for the thread
        self._turns, self._thread = Turns(), ThreadPoolExecutor(1, "batch")

    async def answer(self, headers: dict[bytes, bytes], receive: Receive, score: Score | None = None) -> Scored:
        """Return the answers to the body that *receive* delivers; raises RequestError, at once if the queue is full.

        *score* reads the body of another protocol.
        """
        self._check_room()
        self._limits.check_body(headers)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.max_seconds):
                await self._fill(body, receive)
            self._check_room()  # again: a slow sender holds no place in the queue
            return await self._scored(body, score or self._score)
        except TimeoutError:
            seconds = self._limits.max_seconds
            raise RequestError(408, f"the body did not arrive within {seconds} seconds: send it faster") from None
        finally:
            self._held -= len(body)

    def _check_room(self) -> None:
        if self._large + self._turns.waiting >= self._limits.max_concurrency:
            raise RequestError(503, "too many requests are waiting: try again in a second")

    async def _fill(self, body: bytearray, receive: Receive) -> None:
        """Fill *body*, within the limit of one body and eight times that limit for all bodies in memory."""
        incomplete = True
        while incomplete:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestError(400, "the body ended early")  # the caller is gone, but the error is counted
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > self._limits.max_bytes:
                raise self._limits.too_large()
            if self._held > 8 * self._limits.max_bytes:
                raise RequestError(503, "too many large requests are waiting: try again in a second")
            incomplete = message.get("more_body", False)

    async def _scored(self, body: bytearray, score: Score) -> Scored:
        if len(body) <= self._part_bytes:
            await self._turns.take()
            return score(body)
        self._large += 1
        try:  # part by part in a thread, so that the event loop keeps answering
            async with asyncio.timeout(MAX_THREAD_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, score, body)
        except TimeoutError:
            raise RequestError(503, "too many large requests are waiting: try again in a second") from None
        finally:
            self._large -= 1


class Turns:
    """Lets few requests be scored in each round of the event loop, which accepts or refuses new ones in between."""

    def __init__(self) -> None:
        """Start without waiting requests."""
        self._taken, self._queue = 0, deque[asyncio.Future[None]]()

    @property
    def waiting(self) -> int:
        """The requests of this round, and those that wait for a later one."""
        return self._taken + len(self._queue)

    async def take(self) -> None:
        """Return when it is the caller's turn, in the order of the calls."""
        loop = asyncio.get_running_loop()
        if self._taken == 0:
            loop.call_soon(self._next_round)
        if self._taken < TURNS and not self._queue:
            self._taken += 1
            return
        turn = loop.create_future()
        self._queue.append(turn)
        await turn

    def _next_round(self) -> None:
        self._taken = 0
        while self._queue and self._taken < TURNS:
            turn = self._queue.popleft()
            if not turn.done():  # else its caller has given up
                turn.set_result(None)
                self._taken += 1
        if self._taken:
            asyncio.get_running_loop().call_soon(self._next_round)
