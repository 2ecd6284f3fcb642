"""The load test counts every answer, says what it measured, and fails where a request has no prediction."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mlgitops.common import files
from mlgitops.serving import load
from mlgitops.serving.client import Client
from mlgitops.serving.load import Answers


class Service(ThreadingHTTPServer):
    """Answers each request with the next of some statuses, and counts the bodies."""

    def __init__(self, *statuses: int) -> None:
        """Listen at a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.bodies, self.lock = statuses, Counter[str](), threading.Lock()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.lock:
            status = self.server.statuses[self.server.bodies.total() % len(self.server.statuses)]
            self.server.bodies[body] += 1
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(*statuses: int) -> Iterator[Service]:
    with Service(*statuses) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def test_all_callers_send_all_rows_and_every_answer_is_counted() -> None:
    with serving(200) as service:
        answers, _ = load.load(service.url, [{"a": 1}, {"a": 2}, {"a": 3}], 3, 0.3)
    assert service.bodies.keys() == {json.dumps({"a": n}) for n in (1, 2, 3)}
    assert answers.statuses == Counter({200: service.bodies.total()})
    assert (len(answers.milliseconds), answers.failed) == (service.bodies.total(), 0)


def test_quantiles_are_latencies_that_were_measured() -> None:
    answers = Answers([float(n) for n in range(100, 0, -1)])
    assert [answers.quantile(share) for share in (0.5, 0.99, 1.0)] == [51.0, 100.0, 100.0]
    assert Answers().quantile(0.5) == 0.0


def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, *options: str) -> Any:
    files.write_json(tmp_path / "golden.json", {"rows": [{"a": 1}]})
    monkeypatch.setattr(load, "read_manifest", lambda folder: {})
    return CliRunner().invoke(load.main, [str(tmp_path), "--url", url, "--seconds", "0.2", "--callers", "2", *options])


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ((200, 503), "requests refused with 503"),
        ((200, 422), "requests answered with status 422"),
    ],
)
def test_a_request_without_a_prediction_fails_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statuses: tuple[int, ...], words: str
) -> None:
    with serving(*statuses) as service:
        done = invoke(tmp_path, monkeypatch, service.url)
    assert (done.exit_code, words in done.output) == (1, True), done.output
    assert "99% within" in done.output


def test_a_service_that_is_not_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(200) as service:
        url = service.url
    done = invoke(tmp_path, monkeypatch, url)
    assert done.exit_code == 1
    assert "requests without an answer" in done.output
    assert " 0 predictions" in done.output


@pytest.mark.parametrize(("limit", "code"), [("60000", 0), ("0", 1)])
def test_a_limit_of_the_latency_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, code: int) -> None:
    with serving(200) as service:
        done = invoke(tmp_path, monkeypatch, service.url, "--max-ms", limit)
    assert (done.exit_code, "more than 0 ms" in done.output) == (code, bool(code)), done.output


def test_without_a_url_a_service_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []

    with serving(200) as service:

        @contextmanager
        def running(model: Path) -> Iterator[Client]:
            started.append(model)
            yield Client(service.url)

        monkeypatch.setattr(load, "running", running)
        monkeypatch.setattr(load, "read_manifest", lambda folder: {})
        files.write_json(tmp_path / "golden.json", {"rows": [{"a": 1}]})
        done = CliRunner().invoke(load.main, [str(tmp_path), "--seconds", "0.1", "--callers", "1"])
    assert (done.exit_code, started) == (0, [tmp_path]), done.output
