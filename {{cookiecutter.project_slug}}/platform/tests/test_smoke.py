"""The service as it runs: started, asked by others, stopped."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.synthetic import example_rows
from mlgitops.model.scorer import digest
from mlgitops.serving import smoke
from mlgitops.serving.client import Client


@pytest.fixture(scope="session")
def url(exported: Path) -> Iterator[str]:
    with smoke.running(exported) as client:
        yield client.url


@pytest.fixture
def running(url: str) -> Client:
    return Client(url)


def test_it_does_what_its_openapi_document_says(running: Client, exported: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json"]
    chosen = ["--checks=all", "--max-examples=50", "--seed=1", "--no-color", "--generation-database=none"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "helpers.schemathesis_hooks"}
    found = subprocess.run([*command, *chosen], cwd=exported.parent, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 7" in found.stdout


def get(url: str, path: str, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_smoke_asks_a_running_service(running: Client, exported: Path) -> None:
    found = CliRunner().invoke(smoke.main, [str(exported), "--url", running.url])
    assert found.exit_code == 0, found.output
    assert f"$ curl {running.url}/predict" in found.output
    (row,) = example_rows(Contract.load(exported / "contract.yaml"), 1)
    assert json.dumps(running.predict(row), ensure_ascii=False) in found.output
    real = files.read_json(exported / "golden.json")["rows"]
    shown = [other for other in real if json.dumps(other, ensure_ascii=False) in found.output]
    assert [other for other in shown if other != row] == []  # the model of the test has seen the synthetic row


def test_health_and_metrics_are_there_and_bentoml_keeps_its_own_pages(running: Client) -> None:
    for path in ("/livez", "/readyz", "/healthz"):
        assert get(running.url, path)[0] == 200
    status, metrics = get(running.url, "/metrics")
    assert status == 200
    assert "scoring_rows_total" in metrics
    assert "bentoml" not in metrics
    assert get(running.url, "/docs.json")[0] == 404
    assert "Predict" in get(running.url, "/")[1]


def test_large_and_cut_off_requests_do_not_disturb_the_next(running: Client, exported: Path) -> None:
    row = files.read_json(exported / "golden.json")["rows"][0]
    with pytest.raises(ProjectError, match="returned 413"):
        running.predict("x" * 10_000_001)
    connection = HTTPConnection(urlsplit(running.url).netloc, timeout=30)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    connection.close()
    assert running.predict(row) == files.read_json(exported / "golden.json")["answers"][0]
    assert 'status="500"' not in get(running.url, "/metrics")[1]


def other(exported: Path, folder: Path) -> Path:
    """Return a copy of a model that remembers another answer."""
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    golden, manifest = (files.read_json(folder / name) for name in ("golden.json", "manifest.json"))
    golden["answers"][1]["prediction"] = "another"
    files.write_json(folder / "golden.json", golden)
    manifest["files"]["golden.json"] = digest(folder / "golden.json")
    files.write_json(folder / "manifest.json", manifest)
    return folder


def test_a_service_that_is_told_to_end_answers_what_it_has_begun(exported: Path) -> None:
    golden = files.read_json(exported / "golden.json")
    body = json.dumps(golden["rows"][0]).encode()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "mlgitops.serving.serve", "--model", str(exported)]
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            while not client.ready():
                assert process.poll() is None
            waiting = [HTTPConnection(f"127.0.0.1:{port}", timeout=30) for _ in range(9)]
            for connection in waiting:
                connection.putrequest("POST", "/predict")
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body[:9])
            kept, idle = waiting.pop(), waiting.pop()
            for connection in (idle, kept):
                connection.send(body[9:])
                connection.getresponse().read()  # the last of them is answered: the others were accepted before
            process.terminate()
            last = False
            while not last:  # who keeps a connection and never pauses is told when to leave it
                kept.request("POST", "/predict", body, {"Content-Type": "application/json"})
                response = kept.getresponse()
                assert json.loads(response.read()) == golden["answers"][0]
                last = response.getheader("Connection") == "close"
            assert idle.sock.recv(1) == b"", "it ends"
            idle.close()
            for connection in waiting:
                connection.send(body[9:])
                assert json.loads(connection.getresponse().read()) == golden["answers"][0]
                connection.close()
            process.communicate(timeout=60)
            assert process.returncode == 0
        finally:
            process.kill()


def test_smoke_names_the_row_whose_answer_differs(running: Client, exported: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(smoke.main, [str(other(exported, tmp_path)), "--url", running.url])
    assert found.exit_code == 1
    assert "row 1" in found.output


def test_smoke_shows_the_log_of_a_service_that_does_not_start(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_MAX_ROWS", "many")
    with pytest.raises(ProjectError, match=r"did not start(.|\n)*SCORING_MAX_ROWS"), smoke.running(exported):
        pass


def test_smoke_starts_and_stops_a_service_of_two_workers_with_a_key(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_API_KEY", "key")
    monkeypatch.setenv("SCORING_WORKERS", "2")
    with smoke.running(exported) as client:
        smoke.check(client, files.read_json(exported / "golden.json"))
        assert get(client.url, "/metrics")[0] == 401
        deadline = time.monotonic() + 30
        counted = 'scoring_requests_total{route="/predict",status="200"} ' + str(float(smoke.TIMED_REQUESTS + 1))
        while counted not in get(client.url, "/metrics", Authorization="Bearer key")[1]:  # of both workers
            assert time.monotonic() < deadline
    with pytest.raises(ProjectError, match="does not answer"):
        client.predict({})


def test_serve_says_so_where_somebody_listens_already(running: Client, exported: Path) -> None:
    address = running.url.removeprefix("http://")
    command = [sys.executable, "-m", "mlgitops.serving.serve", "--model", str(exported)]
    found = subprocess.run([*command, "--port", address.partition(":")[2]], capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.startswith(f"Error: {address}: ")
    assert "--port" in found.stderr


def test_serve_says_where_a_model_comes_from(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlgitops.serving.serve", "--model", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 1
    assert "dvc repro" in found.stderr
