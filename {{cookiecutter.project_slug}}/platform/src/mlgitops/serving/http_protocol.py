"""HTTP/1.1 with bounds: uvicorn's protocol, with limits for headers and connections, and upgrades ignored.

uvicorn waits for headers for ever, keeps all of them in memory, and loses the body of a request that offers an upgrade,
as every Java client does (`Upgrade: h2c`). RFC 9110 lets a server ignore an upgrade.
"""

import asyncio
import json
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .limits import JSON, Limits

MAX_HEADER_BYTES = 32_768  # of all headers of a request, and of anything else around its body
FRAMING = (b"content-length", b"transfer-encoding")  # headers that tell where a body ends


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    header_seconds: ClassVar[float] = Limits.max_seconds
    max_connections: ClassVar[int] = Limits.max_connections
    idle: ClassVar[dict["HttpProtocol", None]] = {}  # those without a running request, the longest idle first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the deadline of the first headers; make room for the connection if there are too many."""
        super().connection_made(transport)
        self._outside_body = 0  # bytes since the last request or part of a body ended
        self._in_headers, self._too_large, self._framing_only = False, False, False
        self._deadline: asyncio.TimerHandle | None = self.loop.call_later(self.header_seconds, self._late)
        if len(self.connections) > self.max_connections:
            longest_idle = next(iter(self.idle), self)
            longest_idle._refuse(503, "too many connections: try again in a second")
            self.idle.pop(longest_idle, None)
            if longest_idle is self:
                return
        self.idle[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_deadline()
        self.idle.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unset_keepalive_if_required()
        self._outside_body += len(data)
        try:
            while data:
                data = self._feed(data)
        except httptools.HttpParserError:
            if not self._too_large:
                self._refuse(400, "this is not HTTP/1.1")
                return
        if self._too_large or self._outside_body > MAX_HEADER_BYTES:
            self._refuse(431, f"the headers are larger than {MAX_HEADER_BYTES} bytes: send fewer or smaller ones")
        elif self._in_headers and self._deadline is None:
            self._deadline = self.loop.call_later(self.header_seconds, self._late)

    def _feed(self, data: bytes) -> bytes:
        """Parse *data* up to the end of headers that offer an upgrade, which the parser stops at; return the rest."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            framing = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] in FRAMING)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self._framing_only = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
            self._framing_only = False
            return data[upgrade.args[0] :]
        return b""

    def on_message_begin(self) -> None:
        """Begin with the headers of a request."""
        if not self._framing_only:
            self._in_headers = True
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Keep the URL."""
        if self._in_headers:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but no trailer, which could be of any size."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start to answer."""
        if not self._in_headers:
            return
        self._in_headers = False
        self._end_deadline()
        self.idle.pop(self, None)
        if self._outside_body > MAX_HEADER_BYTES:  # of all that has arrived, which may include a body
            self._too_large = len(self.url) + sum(len(n) + len(v) for n, v in self.headers) > MAX_HEADER_BYTES
            if self._too_large:
                raise ValueError  # the parser stops
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        self._outside_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request; the parser reports it too early, before the body, where an upgrade is offered."""
        if not self.parser.should_upgrade():
            self._outside_body = 0
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.idle[self] = None

    def _should_upgrade(self) -> bool:
        return False

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self._in_headers:
            seconds = self.header_seconds
            self._refuse(408, f"the headers did not arrive within {seconds} seconds: send them faster")
        else:
            self.transport.close()

    def _refuse(self, status: int, error: str) -> None:
        """Answer with an error, unless an answer is on its way, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps({"error": error, "details": []}).encode()
            headers: dict[str, Any] = {"content-type": JSON, "content-length": len(body), "connection": "close"}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
            self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()
