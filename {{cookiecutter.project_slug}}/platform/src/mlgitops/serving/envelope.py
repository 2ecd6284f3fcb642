"""Rows in an envelope, {"instances": [...]}: the array is cut out of the body, so that the same bounds apply to it."""

import re
from collections.abc import Iterator

from .refusal import RequestError

_OPTION = rb'"(?:parameters|params)"[ \t\r\n]*:[ \t\r\n]*(?:null|\{[ \t\r\n]*\})'  # settings, of which there are none
_START = re.compile(
    rb"[ \t\r\n]*\{[ \t\r\n]*(?:" + _OPTION + rb'[ \t\r\n]*,[ \t\r\n]*)?"([a-z_]{1,20})"[ \t\r\n]*:[ \t\r\n]*(?=\[)'
)
_END = re.compile(rb"(?<=\])[ \t\r\n]*(?:,[ \t\r\n]*" + _OPTION + rb"[ \t\r\n]*)?\}[ \t\r\n]*\Z")
TAIL_BYTES = 1000  # of a body, in which the envelope must end


class Envelope:
    """One request whose rows are an array of objects below a name, answered by an array below another."""

    def __init__(self, body: bytearray, names: tuple[str, ...], shape: str) -> None:
        """Read *body*; raises RequestError, naming the *shape* to send, unless its array is below one of *names*."""
        start = _START.match(body)
        end = _END.search(body, max(0, len(body) - TAIL_BYTES))
        if not start or not end or start[1].decode() not in names or end.start() < start.end():
            raise RequestError(400, f"the body has another shape: send {shape}")
        self._rows = body[start.end() : end.start()]

    def bodies(self) -> Iterator[bytearray]:
        """Yield the array."""
        yield self._rows

    def answer(self, answers: bytes) -> bytes:
        """Return the answers in their envelope."""
        return b'{"predictions":%b}' % answers
