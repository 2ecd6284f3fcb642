"""Takes in what callers send and has it scored in turn, no more of either than there is room for."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .limits import Limits
from .request import RequestError

Message = MutableMapping[str, Any]  # these four as ASGI has them
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Scored = tuple[bytes, int]  # the answers, and how many they are

LONG = 65_536  # bytes of a body whose rows are scored beside the event loop, so that others are answered meanwhile
LONGEST = 20  # seconds until they are


class Intake:
    """What one worker has taken on."""

    def __init__(self, limits: Limits, score: Callable[[bytearray], Scored]) -> None:
        """Have bodies scored by *score*, within *limits*."""
        self._limits, self._score = limits, score
        self._waiting = self._held = 0
        self._turn, self._beside = asyncio.Lock(), ThreadPoolExecutor(1, "batch")

    async def answer(self, headers: dict[bytes, bytes], receive: Receive) -> Scored:
        """Return the answers to the body that *receive* gives; raises RequestError, at once where there is no room."""
        self._check_room()
        self._limits.check_body(headers)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.max_seconds):
                await self._fill(body, receive)
            self._check_room()  # who sends slowly takes no place from those who wait
            self._waiting += 1
            try:
                return await self._scored(body)
            finally:
                self._waiting -= 1
        except TimeoutError:
            seconds = self._limits.max_seconds
            raise RequestError(408, f"the body was not there after {seconds} seconds: send it at once") from None
        finally:
            self._held -= len(body)

    def _check_room(self) -> None:
        if self._waiting >= self._limits.max_concurrency:
            raise RequestError(503, "too many requests are waiting: try again in a second")

    async def _fill(self, body: bytearray, receive: Receive) -> None:
        """Fill *body*, within the limits for one and, eight times that, for all that are in memory."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestError(400, "the body ended early")  # nobody reads it, but it is counted
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > self._limits.max_bytes:
                raise self._limits.too_large()
            if self._held > 8 * self._limits.max_bytes:
                raise RequestError(503, "too many large requests are waiting: try again in a second")
            more = message.get("more_body", False)

    async def _scored(self, body: bytearray) -> Scored:
        if len(body) > LONG:
            try:
                async with asyncio.timeout(LONGEST):
                    return await asyncio.get_running_loop().run_in_executor(self._beside, self._score, body)
            except TimeoutError:
                raise RequestError(503, "too many large requests are waiting: try again in a second") from None
        alone = not self._turn.locked()
        async with self._turn:  # between two, the event loop hears who is new, and sends away who is too many
            if alone:
                await asyncio.sleep(0)
            return self._score(body)
