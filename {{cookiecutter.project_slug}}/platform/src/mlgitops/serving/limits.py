"""Limits of the service, set by environment variables because they depend on where it runs."""

import base64
import hmac
import os
import re
from dataclasses import dataclass
from typing import Self

from ..common.errors import ProjectError
from .refusal import RequestError

JSON = "application/json"
METRICS = "/metrics"


@dataclass(frozen=True)
class Limits:
    """What one worker accepts, and from whom."""

    max_bytes: int = 10_000_000  # size of a request body
    max_rows: int = 100_000  # rows per request
    explain_rows: int = 100  # rows per request for reasons; 0 gives none
    max_concurrency: int = 128  # requests that wait for the model; further ones get 503 at once
    max_seconds: int = 10  # time for the headers of a request to arrive, and again for its body
    max_connections: int = 4096  # open connections; for a further one, the one that has been idle longest is closed
    cors_origins: str = ""  # origins of web pages that may call, separated by commas; `*` for any
    examples: str = "synthetic"  # the example rows that callers see; `golden` are real rows of the test part
    api_key: str = ""  # API key that callers must send; without one, anybody may call
    open_metrics: bool = False  # whether /metrics needs no key: annotations for Prometheus cannot name one

    @classmethod
    def from_environment(cls) -> Self:
        """Read SCORING_MAX_BYTES, SCORING_API_KEY and the like; raises ProjectError."""
        names = ("max_bytes", "max_rows", "max_concurrency", "max_seconds", "max_connections")
        numbers = {name: whole_number(f"SCORING_{name.upper()}") for name in names}
        configured = {name: number for name, number in numbers.items() if number}
        if os.environ.get("SCORING_EXPLAIN_ROWS") == "0":
            configured["explain_rows"] = 0
        elif rows := whole_number("SCORING_EXPLAIN_ROWS"):
            configured["explain_rows"] = rows
        open_metrics = os.environ.get("SCORING_OPEN_METRICS", "").lower() == "true"
        key = os.environ.get("SCORING_API_KEY", "")
        return cls(**configured, cors_origins=_origins(), examples=_examples(), api_key=key, open_metrics=open_metrics)

    def check_key(self, path: str, headers: dict[bytes, bytes]) -> None:
        """Raise RequestError unless the caller sends the API key, or *path* needs none."""
        if not self.api_key or (self.open_metrics and path == METRICS):
            return
        scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"basic":  # from a browser's dialog: any user name, the key as password
            try:
                credentials = base64.b64decode(credentials, validate=True).partition(b":")[2]
            except ValueError:
                credentials = b""
        if not hmac.compare_digest(credentials.strip(), self.api_key.encode()):
            raise RequestError(401, "send the API key: Authorization: Bearer …")

    def check_body(self, headers: dict[bytes, bytes]) -> None:
        """Raise RequestError if the headers announce a body that is not JSON, or is too large."""
        kind, _, parameters = headers.get(b"content-type", b"").decode("latin-1").lower().partition(";")
        if kind.strip() != JSON or parameters.strip().replace('"', "") not in ("", "charset=utf-8"):
            raise RequestError(415, f"send JSON in UTF-8, with Content-Type: {JSON}")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RequestError(415, "send the body uncompressed, without Content-Encoding")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > self.max_bytes):
            raise self.too_large()

    def too_large(self) -> RequestError:
        """Return the error for a body that is too large."""
        return RequestError(413, f"the body is larger than {self.max_bytes} bytes: send the rows in several requests")


def whole_number(name: str) -> int | None:
    """Return the number in the environment variable *name*, None if it is not set; raises ProjectError."""
    text = os.environ.get(name)
    if not text:
        return None
    if not re.fullmatch("[1-9][0-9]{0,17}", text):
        raise ProjectError(f"{name}: {text!r} is not a whole number above 0: correct or unset it")
    return int(text)


def _origins() -> str:
    """Return the origins in SCORING_CORS_ORIGINS; raises ProjectError for one that no browser sends."""
    origins = os.environ.get("SCORING_CORS_ORIGINS", "").replace(" ", "")
    for origin in filter(None, origins.split(",")):
        if origin != "*" and not re.fullmatch(r"https?://[^/@?#*]+", origin):
            raise ProjectError(f"SCORING_CORS_ORIGINS: {origin!r}: write an origin as https://example.com")
    return origins


def _examples() -> str:
    text = os.environ.get("SCORING_EXAMPLES") or "synthetic"
    if text not in ("synthetic", "golden"):
        raise ProjectError(f"SCORING_EXAMPLES: {text!r} is neither synthetic nor golden: correct or unset it")
    return text
