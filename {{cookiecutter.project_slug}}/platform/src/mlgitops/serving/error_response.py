"""The response to a refused request."""

import json
from http import HTTPStatus

from .admission import Headers
from .limits import JSON
from .protocol import Adapter
from .refusal import RequestError

SCORED = ("/predict", "/explain")
FURTHER: dict[int, Headers] = {  # headers by status
    401: [(b"www-authenticate", b"Bearer"), (b"www-authenticate", b'Basic realm="scoring", charset="UTF-8"')],
    408: [(b"connection", b"close")],
    503: [(b"retry-after", b"1")],
}


def refused(path: str, error: RequestError, adapter: Adapter | None = None) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of the response to a request for *path*, in the form of its *adapter*."""
    headers = [(b"content-type", JSON.encode()), *FURTHER.get(error.status, [])]
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = adapter.methods if adapter else ("POST",) if path in SCORED else ("GET", "HEAD")
        headers.append((b"allow", ", ".join(methods).encode()))
    if adapter:
        status, body = adapter.refused(error)
        return status, headers, body
    body = json.dumps({"error": error.error, "details": error.details}, ensure_ascii=False).encode()
    return error.status, headers, body
