"""The error of a refused request: HTTP status, reason, and the rows and fields that are wrong."""

import re
from typing import Any

CONTRACT_HEADER = b"x-contract-version"  # of responses, and of requests by a generated client
VERSION = re.compile(rb"[0-9a-f]{1,64}")
MAX_DETAILS = 20  # errors listed in one response
MAX_FIELD_CHARS, MAX_MESSAGE_CHARS = 100, 300
NOT_FINITE = "the model cannot score this row: numbers are too large"  # the error of a row in a table


class RequestError(Exception):
    """A refused request: the HTTP status, what is wrong, and where."""

    def __init__(self, status: int, error: str, details: list[dict[str, Any]] | None = None) -> None:
        """Create the error; *details* name row and field, but never the values that were sent."""
        super().__init__(error)
        self.status, self.error, self.details = status, error, (details or [])[:MAX_DETAILS]

    def shifted(self, rows: int) -> "RequestError":
        """Return the same error, its rows counted from *rows*."""
        details = [d | {"row": d["row"] + rows} if d["row"] is not None else d for d in self.details]
        return RequestError(self.status, self.error, details)


def detail(row: int | None, field: str | None, message: str) -> dict[str, Any]:
    """Return one entry of `RequestError.details`."""
    return {"row": row, "field": field and field[:MAX_FIELD_CHARS], "message": message[:MAX_MESSAGE_CHARS]}


def reasons(error: RequestError) -> str:
    """Return an error of one row as one line: field and reason of each detail."""
    return "; ".join(f"{d['field']}: {d['message']}" for d in error.details) or error.error


def of_contract(error: RequestError, headers: dict[bytes, bytes], version: str) -> RequestError:
    """Return *error*; if the client names another contract than *version*, with both versions."""
    sent = headers.get(CONTRACT_HEADER, b"")
    if error.status not in (400, 422) or not VERSION.fullmatch(sent) or sent == version.encode():
        return error
    message = (
        f"{error.error} (the client was generated for contract {sent.decode()}, and this service has contract "
        f"{version}: generate the client again)"
    )
    return RequestError(error.status, message, error.details)
