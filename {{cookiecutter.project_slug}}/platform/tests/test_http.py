"""The service speaks HTTP/1.1 with any client, within bounds of time, size and number of connections."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import uvicorn

from mlgitops.common import files
from mlgitops.serving import smoke
from mlgitops.serving.client import Client
from mlgitops.serving.http_protocol import HttpProtocol

UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
Address = tuple[str, int]


@contextmanager
def service(exported: Path, shell: str = "true", options: tuple[str, ...] = (), **settings: str) -> Iterator[Address]:
    """Run a service below *shell* commands; the limits of files that they set hold for it alone."""
    port = smoke.free_port()
    command = [sys.executable, "-m", "mlgitops.serving.serve", "--model", str(exported), "--port", str(port), *options]
    run = ["sh", "-c", f'{shell} && exec "$@"', "sh", *command]
    with subprocess.Popen(run, env={**os.environ, **settings}, stdout=subprocess.DEVNULL) as process:
        try:
            Client(f"http://127.0.0.1:{port}").wait(process=process)
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def address(exported: Path) -> Iterator[Address]:
    """Run a service that waits for headers and bodies for one second."""
    with service(exported, SCORING_MAX_SECONDS="1") as address:
        yield address


@pytest.fixture(scope="module")
def golden(exported: Path) -> dict[str, Any]:
    return dict(files.read_json(exported / "golden.json"))


def connect(address: Address) -> socket.socket:
    return socket.create_connection(address, timeout=30)


def response(connection: socket.socket) -> tuple[int, Any]:
    """Return status and content of the next response; the client reads no byte of a response after it."""
    answer = HTTPResponse(connection)
    answer.begin()
    kind = answer.headers["Content-Type"]
    content = answer.read()
    return answer.status, json.loads(content) if kind == "application/json" else content


def request(body: bytes, more: str = "", length: bool = True) -> bytes:
    framing = f"Content-Length: {len(body)}\r\n" if length else ""
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}{framing}\r\n"
    return head.encode() + body


@pytest.mark.parametrize("upgrade", [UPGRADE, "Connection: upgrade\r\nUpgrade: websocket\r\n", "Upgrade: h2c\r\n"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_an_offered_upgrade_is_ignored_however_the_request_arrives(
    address: Address, golden: dict[str, Any], upgrade: str, chunked: bool, pieces: int
) -> None:
    body = json.dumps(golden["rows"][0]).encode()
    if chunked:
        parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:]))
        sent = request(parts + b"0\r\n\r\n", f"{upgrade}Transfer-Encoding: chunked\r\n", length=False)
    else:
        sent = request(body, upgrade)
    with connect(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):  # and the connection is kept
            size = -(-len(sent) // pieces)
            for start in range(0, len(sent), size):
                connection.sendall(sent[start : start + size])
            assert response(connection) == (200, golden["answers"][0])


def test_a_page_is_shown_to_a_client_that_offers_an_upgrade(address: Address) -> None:
    with connect(address) as connection:
        for path in ("livez", "schema", "livez"):
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())
            assert response(connection)[0] == 200


HEADERS = {
    "one header": [b"X: " + b"a" * 40_000 + b"\r\n"],
    "many headers": [b"X-%d: a\r\n" % number for number in range(8000)],
    "a header without end": [b"X: ", *[b"a" * 60_000] * 20],
    "a path": [b"GET /" + b"a" * 40_000],
    "blank lines": [b"\r\n" * 40_000],
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("whole", [True, False])
def test_headers_that_are_too_large_are_refused(address: Address, name: str, whole: bool) -> None:
    start = b"" if name in ("a path", "blank lines") else b"GET /livez HTTP/1.1\r\nHost: x\r\n"
    pieces = [start, *HEADERS[name], b"\r\n\r\n"]
    with connect(address) as connection, ExitStack() as stack:
        stack.callback(connection.close)
        try:
            for piece in [b"".join(pieces)] if whole else pieces:
                connection.sendall(piece)
        except OSError:
            assert not whole  # refused before the rest was sent
        try:
            assert response(connection)[0] == 431
        except ConnectionError:
            assert not whole


def test_a_large_body_needs_no_small_headers(address: Address, golden: dict[str, Any]) -> None:
    with connect(address) as connection:
        connection.sendall(request(json.dumps(golden["rows"] * 100).encode()))
        assert response(connection) == (200, golden["answers"] * 100)


@pytest.mark.parametrize("trailer", [b"a" * 1000, b"X: a\r\n" * 200])
def test_trailers_are_not_kept_and_are_bounded_as_headers_are(trailer: bytes) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def attack() -> tuple[int, int]:
        protocol = HttpProtocol(uvicorn.Config(app), uvicorn.server.ServerState(), {})
        transport = mock.Mock(is_closing=lambda: transport.close.called, get_extra_info=lambda name: None)
        protocol.connection_made(transport)
        protocol.data_received(request(b"2\r\n{}\r\n0\r\n", "Transfer-Encoding: chunked\r\n", length=False))
        sent = 0
        while not transport.is_closing():
            protocol.data_received(trailer)
            sent += len(trailer)
        headers = len(protocol.headers)
        protocol.connection_lost(None)
        return sent, headers

    sent, headers = asyncio.run(attack())
    assert sent < 40_000
    assert headers == 3


@pytest.mark.parametrize("sent", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_whose_headers_do_not_arrive_is_closed(address: Address, sent: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(sent)
        closed = b"".join(iter(lambda: connection.recv(4096), b""))
    assert closed == b"" or (sent and b" 408 " in closed)


def test_the_second_request_of_a_connection_has_the_same_time_for_its_headers(address: Address) -> None:
    with connect(address) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HT")
        closed = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 200 " in closed
    assert b" 408 " in closed


@pytest.mark.parametrize("begun", [b"", b"POST /predict HTTP/1.1\r\nHost: x\r\nX: "])
@pytest.mark.parametrize(("shell", "kept"), [("ulimit -n 200", False), ("ulimit -Sn 200", True)])
def test_connections_beyond_the_limit_of_files_do_not_stop_others(
    exported: Path, golden: dict[str, Any], begun: bytes, shell: str, kept: bool
) -> None:
    with service(exported, shell, SCORING_MAX_SECONDS="600") as address, ExitStack() as stack:
        idle = []
        for _ in range(300):
            idle.append(stack.enter_context(connect(address)))
            idle[-1].sendall(begun)
        with connect(address) as connection:
            connection.sendall(request(json.dumps(golden["rows"][0]).encode()))
            assert response(connection) == (200, golden["answers"][0])
        closed = 0
        for connection in idle:
            connection.setblocking(False)
            try:
                connection.recv(1)
                closed += 1
            except BlockingIOError:
                pass
            except ConnectionError:
                closed += 1
        assert (closed == 0) == kept
        assert closed < 300


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_at_all_addresses_is_reached_by_ipv4_and_ipv6(exported: Path, host: str, workers: str) -> None:
    with service(exported, SCORING_WORKERS=workers, options=("--host", host)) as (_, port):
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port), timeout=30) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                assert response(connection)[0] == 200
