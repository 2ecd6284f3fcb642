"""Runs the service with BentoML and uvicorn: start, bypass of BentoML's middleware, graceful shutdown."""

import asyncio
import os
import signal
import socket
import sys
import time
from typing import Any

import uvicorn
import uvicorn.config

from .admission import Message, Receive, Send
from .app import HEALTH, Api
from .http_protocol import HttpProtocol
from .limits import Limits

KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep idle connections, so that they close them first
GRACE_SECONDS = 20  # for running requests to end at shutdown
OWN_FILES = 128  # open files of a process that are no connections
LINGER_SECONDS = 2  # for a last request on open connections at shutdown; deploy/ waits longer


def run(service: str, listener: socket.socket, workers: int) -> None:
    """Serve *service* (an import path or the folder of a Bento) on the socket *listener* until stopped.

    A single worker runs without BentoML's supervisor, which takes half a worker's memory, doubles the start-up time and
    keeps a container running whose model cannot be loaded.
    """
    times = [f"--timeout-keep-alive={KEEP_ALIVE_SECONDS}", f"--timeout-graceful-shutdown={GRACE_SECONDS}"]
    if workers > 1:
        from bentoml_cli.cli import cli

        host, port = listener.getsockname()[:2]
        listener.close()
        cli(["serve", service, f"--host={host}", f"--port={port}", *times])
    else:
        from _bentoml_impl.worker.service import main  # type: ignore[import-untyped]  # BentoML's own worker

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit())  # uvicorn raises it again after the last request
        main([service, f"--fd={listener.detach()}", *times])


class BypassMiddleware:
    """Middleware that routes requests to our application before BentoML's own, except for health checks."""

    def __init__(self, app: Any, api: Api) -> None:
        """Keep the inner application and ours."""
        self._inner, self._api = app, api

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Install the bypass at startup, because BentoML's own stack runs a timer and a task for each request."""
        if scope["type"] == "lifespan":
            application = scope["app"]
            application.middleware_stack = self._before(application.middleware_stack)
        await self._inner(scope, receive, send)

    def _before(self, rest: Any) -> Any:
        async def route(scope: Message, receive: Receive, send: Send) -> None:
            health = scope["path"] in HEALTH and scope.get("method") in ("GET", "HEAD")
            await (rest if health else self._api)(scope, receive, send)

        return route


def use_http_protocol() -> None:
    """Let the server that BentoML creates later speak our protocol: BentoML itself leaves the choice to uvicorn."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{HttpProtocol.__module__}:{HttpProtocol.__name__}"


def bound_connections(limits: Limits) -> None:
    """Apply *limits* to connections, after raising the limit of open files as far as the system allows."""
    HttpProtocol.header_seconds, HttpProtocol.max_connections = limits.max_seconds, limits.max_connections
    if os.name == "posix":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if hard != resource.RLIM_INFINITY:
            HttpProtocol.max_connections = max(min(limits.max_connections, hard - OWN_FILES), 1)


def linger() -> None:
    """Let uvicorn answer briefly on open connections at shutdown, with `Connection: close`.

    By default it closes idle connections at once, and a request that is on its way is lost.
    """
    original = uvicorn.Server.shutdown

    async def shutdown(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        for listener in sockets or ():
            listener.listen(0)  # shared with the supervisor and other workers: keep no queue of connections
        for listening in server.servers:
            listening.close()
        server.server_state.default_headers.append((b"connection", b"close"))
        deadline = time.monotonic() + LINGER_SECONDS
        while server.server_state.connections and time.monotonic() < deadline and not server.force_exit:
            await asyncio.sleep(0.05)
        await original(server, sockets)

    uvicorn.Server.shutdown = shutdown  # type: ignore[assignment, method-assign]  # BentoML creates the server
