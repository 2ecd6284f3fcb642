"""Lets the client send the token of a managed endpoint while a deployment is verified."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

KEY = "SCORING_API_KEY"  # what `serving.client` sends


@contextmanager
def bearer(token: str) -> Iterator[None]:
    """Set the key that clients send to *token*, and restore it."""
    before = os.environ.get(KEY)
    os.environ[KEY] = token
    try:
        yield
    finally:
        if before is None:
            del os.environ[KEY]
        else:
            os.environ[KEY] = before
