"""Asks a scoring service."""

import json
import os
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

from ..common.errors import ProjectError

PATIENCE = 60  # seconds for a service to be ready, to answer, or to stop


class Client:
    """One connection to a service, kept open."""

    def __init__(self, url: str) -> None:
        """Connect to *url* at the first request."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ProjectError(f"--url {url}: not an address; write it as http://host:port")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.url, self._path = url.rstrip("/"), parts.path.rstrip("/")
        self._connection = kind(parts.netloc, timeout=PATIENCE)
        key = os.environ.get("SCORING_API_KEY")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def ready(self) -> bool:
        """Say whether the service can answer."""
        try:
            return self._ask("GET", "/readyz")[0] == 200
        except ProjectError:
            return False

    def wait(self, seconds: int = PATIENCE, process: "Popen[bytes] | None" = None) -> None:
        """Return when the service can answer; raises ProjectError where *process*, which is to become it, ends."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            if process and process.poll() is not None:
                raise ProjectError("the service did not start")
            if time.monotonic() > deadline:
                raise ProjectError(f"{self.url} was not ready after {seconds} seconds")
            time.sleep(0.1)

    def predict(self, body: Any) -> Any:
        """Return the answer to *body*; raises ProjectError where there is none."""
        status, text = self._ask("POST", "/predict", json.dumps(body))
        if status != 200:
            raise ProjectError(f"{self.url}/predict answers {status}: {text[:1000]}")
        return json.loads(text)

    def close(self) -> None:
        """Leave; the next request connects again."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        try:
            self._connection.request(method, self._path + path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException) as error:
            self.close()
            raise ProjectError(f"{self.url} does not answer: {error}") from error
