"""What an adapter is: another protocol's paths, bodies and errors, in front of the same service."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .refusal import RequestError


class Call(Protocol):
    """One request of another protocol."""

    def bodies(self) -> Iterator[bytes | bytearray]:
        """Yield the rows, some at a time, as the bodies of requests to /predict; raises RequestError."""
        ...

    def answer(self, answers: bytes) -> bytes:
        """Return the response for *answers*, the JSON array that /predict would return."""
        ...


@dataclass(frozen=True)
class Adapter:
    """One path of another protocol: a page to GET, or a way to read rows that are sent with POST."""

    route: str  # how metrics name it
    refused: Callable[[RequestError], tuple[int, bytes]]  # status and body of an error, as the protocol has it
    page: Callable[[], bytes] | None = None
    read: Callable[[bytearray], Call] | None = None
    open: bool = False  # whether it needs no API key, as a health check

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers."""
        return ("GET", "HEAD") if self.page else ("POST",)


def sentence(error: RequestError) -> str:
    """Return an error as one line, with row, field and reason of each detail."""
    places = [
        ", ".join(part for part in (f"row {d['row']}" if d["row"] is not None else "", d["field"]) if part)
        for d in error.details
    ]
    reasons = [": ".join(filter(None, [at, d["message"]])) for at, d in zip(places, error.details, strict=True)]
    return f"{error.error}: {'; '.join(reasons)}" if reasons else error.error
