"""The id of a request: the caller's, where it is valid, or a new one that sorts by time (UUID version 7)."""

import os
import re
import time

VALID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
RANDOM_BYTES = 10  # of one id; they are drawn in blocks, because a system call costs more than all else here
BLOCK = 256


class RequestIds:
    """Creates ids; one object serves one thread."""

    def __init__(self) -> None:
        """Draw no random bytes until the first id is needed."""
        self._pool, self._used = b"", 0

    def of(self, headers: dict[bytes, bytes]) -> str:
        """Return the value of X-Request-Id if it is valid, else a new id."""
        sent = headers.get(b"x-request-id", b"")
        return sent.decode() if VALID.fullmatch(sent) else self.new()

    def new(self) -> str:
        """Return a new id: the time in milliseconds, then random bits."""
        if self._used >= len(self._pool):
            self._pool, self._used = os.urandom(RANDOM_BYTES * BLOCK), 0
        drawn = self._pool[self._used : self._used + RANDOM_BYTES].hex()
        self._used += RANDOM_BYTES
        moment = f"{time.time_ns() // 1_000_000:012x}"
        return f"{moment[:8]}-{moment[8:]}-7{drawn[:3]}-{'89ab'[int(drawn[3], 16) % 4]}{drawn[4:7]}-{drawn[7:19]}"
