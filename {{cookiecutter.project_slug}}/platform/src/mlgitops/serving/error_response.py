"""The response to a refused request."""

import json
from http import HTTPStatus

from .admission import Headers
from .limits import JSON
from .refusal import RequestError

FURTHER: dict[int, Headers] = {  # headers by status
    401: [(b"www-authenticate", b"Bearer"), (b"www-authenticate", b'Basic realm="scoring", charset="UTF-8"')],
    408: [(b"connection", b"close")],
    503: [(b"retry-after", b"1")],
}


def refused(path: str, error: RequestError) -> tuple[Headers, bytes]:
    """Return headers and body of the response to a request for *path*."""
    headers = [(b"content-type", JSON.encode()), *FURTHER.get(error.status, [])]
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST" if path == "/predict" else b"GET, HEAD"))
    return headers, json.dumps({"error": error.error, "details": error.details}, ensure_ascii=False).encode()
