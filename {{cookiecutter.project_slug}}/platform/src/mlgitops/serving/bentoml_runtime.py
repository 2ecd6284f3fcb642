"""How BentoML starts the service, where its own application stands in it, and how it leaves uvicorn."""

import asyncio
import signal
import socket
import sys
import time
from typing import Any

import uvicorn

from .admission import Message, Receive, Send
from .app import HEALTH, Api

KEEP = 75  # seconds that an idle connection is kept: longer than load balancers do, who would use one that is closing
GRACE = 20  # seconds for requests that are being answered when it is told to end
LINGER = 2  # seconds for callers to use a connection that they keep a last time; deploy/ waits for longer


def run(what: str, listening: socket.socket, workers: int) -> None:
    """Answer what comes to *listening* with the service or Bento *what*, until told to end.

    BentoML's supervisor takes the memory of half a worker, the time to start of another, and keeps a container up whose
    model cannot be loaded. So one worker does without: whatever runs it sees it end, and says so.
    """
    times = [f"--timeout-keep-alive={KEEP}", f"--timeout-graceful-shutdown={GRACE}"]
    if workers > 1:
        from bentoml_cli.cli import cli

        host, port = listening.getsockname()[:2]
        listening.close()
        cli(["serve", what, f"--host={host}", f"--port={port}", *times])
    else:
        from _bentoml_impl.worker.service import main  # type: ignore[import-untyped]  # BentoML's own worker

        for told in (signal.SIGINT, signal.SIGTERM):
            signal.signal(told, lambda *_: sys.exit())  # uvicorn passes it on when the last request is answered
        main([what, f"--fd={listening.detach()}", *times])


class First:
    """A middleware of BentoML's that puts our application before all others, and leaves to them what is theirs."""

    def __init__(self, app: Any, api: Api) -> None:
        """Wait for the start."""
        self._inner, self._api = app, api

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take the first place at the start: before it, BentoML has a timer and a task of its own for each request."""
        if scope["type"] == "lifespan":
            everything = scope["app"]
            everything.middleware_stack = self._before(everything.middleware_stack)
        await self._inner(scope, receive, send)

    def _before(self, rest: Any) -> Any:
        async def ask(scope: Message, receive: Receive, send: Send) -> None:
            health = scope["path"] in HEALTH and scope.get("method") in ("GET", "HEAD")
            await (rest if health else self._api)(scope, receive, send)

        return ask


def linger() -> None:
    """Let uvicorn, told to end, answer for a moment on connections that are kept, and say that each answer is the last.

    By itself it closes them at once, and a request that is on its way is lost.
    """
    end = uvicorn.Server.shutdown

    async def shutdown(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        for listening in sockets or ():
            listening.listen(0)  # BentoML's supervisor and other workers have it, too: nobody is to wait there
        for one in server.servers:
            one.close()
        server.server_state.default_headers.append((b"connection", b"close"))
        until = time.monotonic() + LINGER
        while server.server_state.connections and time.monotonic() < until and not server.force_exit:
            await asyncio.sleep(0.05)
        await end(server, sockets)

    uvicorn.Server.shutdown = shutdown  # type: ignore[assignment, method-assign]  # BentoML makes it
