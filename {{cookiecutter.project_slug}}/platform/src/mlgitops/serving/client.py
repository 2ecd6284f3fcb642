"""Client of the scoring service."""

import json
import os
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

from ..common.errors import ProjectError

TIMEOUT_SECONDS = 60  # for a service to be ready, to answer, or to stop


class Client:
    """One connection to a service, kept open."""

    def __init__(self, url: str) -> None:
        """Connect to *url* at the first request."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ProjectError(f"--url {url}: not a URL: write it as http://host:port")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.url, self._path = url.rstrip("/"), parts.path.rstrip("/")
        self._connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        key = os.environ.get("SCORING_API_KEY")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def ready(self) -> bool:
        """Return whether the service accepts requests."""
        try:
            return self._request("GET", "/readyz")[0] == 200
        except ProjectError:
            return False

    def wait(self, seconds: int = TIMEOUT_SECONDS, process: "Popen[bytes] | None" = None) -> None:
        """Wait until the service accepts requests; raises ProjectError on a timeout, or if its *process* ends."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            if process and process.poll() is not None:
                raise ProjectError("the service did not start")
            if time.monotonic() > deadline:
                raise ProjectError(f"{self.url} was not ready after {seconds} seconds")
            time.sleep(0.1)

    def predict(self, body: Any) -> Any:
        """Return the answer to *body*; raises ProjectError for an error response or none."""
        status, text = self._request("POST", "/predict", json.dumps(body))
        if status != 200:
            raise ProjectError(f"{self.url}/predict returned {status}: {text[:1000]}")
        return json.loads(text)

    def status(self, body: str) -> int:
        """Return the status of the answer to *body*, which is JSON; 0 if there is no answer."""
        try:
            return self._request("POST", "/predict", body)[0]
        except ProjectError:
            return 0

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._connection.close()

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        try:
            self._connection.request(method, self._path + path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException) as error:
            self.close()
            raise ProjectError(f"{self.url} does not answer: {error}") from error
