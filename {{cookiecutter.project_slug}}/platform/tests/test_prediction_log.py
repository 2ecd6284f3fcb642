"""The prediction log: off by default, private by default, never in the way of a request, and nothing is lost."""

import asyncio
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from helpers import contracts, models
from starlette.testclient import TestClient

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.row_schema import json_schema
from mlgitops.data import frame
from mlgitops.serving import bento, log_file
from mlgitops.serving.app import Api
from mlgitops.serving.client import Client
from mlgitops.serving.hashed_key import KeyHash
from mlgitops.serving.limits import Limits
from mlgitops.serving.log_settings import LogSettings

KEYED = contracts.contract(
    {
        "flight": "{type: text}",
        "at": "{type: datetime}",
        "age": "{type: integer, min: 0, max: 200}",
        "city": "{type: category, missing: true}",
    },
    key=["flight", "at"],
    time="at",
)
ROW = {"at": "2024-01-01T05:00:00", "age": 30, "city": "Bern"}
HASHED_WITH = "not in the log"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.exported(KEYED, tmp_path_factory.mktemp("keyed"))


def service(folder: Path, settings: LogSettings) -> tuple[TestClient, Api]:
    api = Api()
    bento.start(api, folder, Limits(max_rows=5000), settings)
    return TestClient(api), api


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return all lines but the headers, of open and closed files."""
    every = [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]
    return [line for line in every if "log" not in line]


def counted(client: TestClient, name: str) -> float:
    text = client.get("/metrics").text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"scoring_log_{name}_total"))


def test_without_the_setting_nothing_is_written_and_no_id_is_returned(
    keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCORING_LOG", raising=False)
    client, _ = service(keyed, LogSettings.from_environment())
    response = client.post("/predict", json=ROW)
    assert response.status_code == 200
    assert "x-prediction-id" not in response.headers
    assert list(tmp_path.iterdir()) == []


def test_by_default_the_log_has_no_value_that_was_sent(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path)))
    response = client.post("/predict", json={**ROW, "flight": "LX 1"})
    (line,) = lines(tmp_path)
    assert line.keys() == {"id", "at", "answers"}
    assert line["answers"] == [response.json()]
    assert line["id"] == response.headers["x-prediction-id"]
    text = next(tmp_path.iterdir()).read_text(encoding="utf-8")
    assert "Bern" not in text
    assert "LX 1" not in text


def test_named_columns_are_logged_and_the_first_line_says_what_they_are(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), columns=("city", "at")))
    client.post("/predict", json=[ROW, {**ROW, "city": None}])
    (line,) = lines(tmp_path)
    assert line["rows"] == {"at": [ROW["at"]] * 2, "city": ["Bern", None]}
    assert line["batch"] is True
    header = json.loads(next(tmp_path.iterdir()).read_bytes().splitlines()[0])
    manifest = files.read_json(keyed / "manifest.json")
    assert header["model"] == manifest["files"]["model.onnx"]
    assert header["contract"] == manifest["files"]["contract.yaml"]
    assert header["columns"] == {"at": "datetime", "city": "category"}


def test_a_key_is_logged_only_if_it_is_named(keyed: Path, tmp_path: Path) -> None:
    for folder, columns in (("all", ("*",)), ("named", ("flight", "age"))):
        client, _ = service(keyed, LogSettings(folder=str(tmp_path / folder), columns=columns))
        client.post("/predict", json={**ROW, "flight": "LX 1"})
    (every,), (named,) = lines(tmp_path / "all"), lines(tmp_path / "named")
    assert every["rows"].keys() == {"at", "age", "city"}
    assert named["rows"] == {"age": [30], "flight": ["LX 1"]}


def test_golden_rows_at_the_start_are_no_predictions_and_no_file_is_created_before_a_request(
    keyed: Path, tmp_path: Path
) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []
    client.post("/predict", json=ROW)
    assert len(lines(tmp_path)) == 1
    assert (counted(client, "rows"), counted(client, "dropped")) == (1, 0)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("a-b_c.9", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ('a"b', False),
        ("a\n", False),
    ],
)
def test_a_valid_request_id_becomes_the_prediction_id(keyed: Path, tmp_path: Path, sent: str, taken: bool) -> None:
    client, api = service(keyed, LogSettings(folder=str(tmp_path)))
    headers = [(b"content-type", b"application/json"), (b"x-request-id", sent.encode())]
    answered = asyncio.run(request(api, json.dumps(ROW).encode(), headers))
    identifier = dict(answered["headers"])[b"x-prediction-id"].decode()
    assert (identifier == sent) is taken
    assert [line["id"] for line in lines(tmp_path)] == [identifier]
    assert client.post("/predict", json=ROW).headers["x-prediction-id"] != identifier


async def request(api: Api, body: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Return the message that starts the response."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await api({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive, send)
    return dict(sent[0])


def test_a_key_is_accepted_logged_as_a_hash_and_changes_no_answer(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), key=HASHED_WITH))
    with_key = client.post("/predict", json=[{**ROW, "flight": "LX 1"}, {**ROW, "flight": None}, ROW])
    without = client.post("/predict", json=[ROW, ROW, ROW])
    assert with_key.json() == without.json()
    first, second = lines(tmp_path)
    assert first["keys"][1:] == [None, None]
    assert second["keys"] == [None, None, None]
    table = frame.parse(pd.DataFrame({"flight": [" LX 1"], "at": ["2024-01-01 05:00"]}), KEYED)
    assert first["keys"][0] == KeyHash(KEYED, HASHED_WITH).row([table["flight"][0], table["at"][0]])
    assert first["keys"][0] != KeyHash(KEYED, "another secret").row([table["flight"][0], table["at"][0]])


@pytest.mark.parametrize("text", ["LX 1", ' "Zürich"\\', "\x00\n😀"])
def test_the_hash_of_a_key_is_an_hmac_of_its_json(text: str) -> None:
    """Logs and outcomes of different releases are joined by it, so that it never changes."""
    message = json.dumps([text.strip(), "2024-01-01T05:00:00"]).encode()
    expected = hmac.digest(HASHED_WITH.encode(), message, "sha256").hex()[:32]
    assert KeyHash(KEYED, HASHED_WITH).rows({"flight": [text, None], "at": ["2024-01-01T05:00:00"] * 2}) == [
        expected,
        None,
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [({"flight": 7}, "valid string"), ({"flights": "LX 1"}, "There is no such field"), ({"y": True}, "no such field")],
)
def test_only_a_key_of_the_contract_is_accepted_beside_the_inputs(
    keyed: Path, tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    client, _ = service(keyed, LogSettings())
    response = client.post("/predict", json={**ROW, **row})
    assert response.status_code == 422
    assert message in response.json()["details"][0]["message"]


def test_a_key_that_is_written_twice_is_refused(keyed: Path) -> None:
    client, _ = service(keyed, LogSettings())
    body = json.dumps(ROW)[:-1] + ', "flight": "a", "flight": "b"}'
    response = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["details"][0]["message"]) == (422, "Field is written twice")


def test_the_schema_says_that_a_key_may_be_sent_and_what_becomes_of_it(keyed: Path) -> None:
    schema = json_schema(KEYED)
    assert "hash" in schema["properties"]["flight"]["description"]
    assert "flight" not in schema["required"]
    client, _ = service(keyed, LogSettings())
    assert "flight" in client.get("/openapi.json").json()["components"]["schemas"]["Row"]["properties"]


def test_a_refused_request_is_logged_by_the_inputs_at_fault_without_values(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), columns=("*",)))
    client.post("/predict", json={**ROW, "age": 999, "my secret": 1})
    client.post("/predict", content=b"{", headers={"content-type": "application/json"})
    (line,) = lines(tmp_path)
    assert line["refused"] == ["age", "other"]
    assert "999" not in json.dumps(line["refused"])
    assert "secret" not in next(tmp_path.iterdir()).read_text(encoding="utf-8")


def test_of_a_large_batch_a_fixed_number_of_rows_is_logged(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), rows=100, columns=("age",)))
    response = client.post("/predict", json=[{**ROW, "age": k % 200} for k in range(950)])
    (line,) = lines(tmp_path)
    positions = list(range(0, 950, line["step"]))
    assert 50 <= len(positions) <= 100
    assert line["answers"] == [response.json()[k] for k in positions]
    assert line["rows"]["age"] == [k % 200 for k in positions]


def test_the_sample_is_chosen_by_the_id_so_that_all_services_choose_the_same(keyed: Path, tmp_path: Path) -> None:
    clients = [service(keyed, LogSettings(folder=str(tmp_path / name), share=0.3))[0] for name in ("a", "b")]
    for client in clients:
        for number in range(200):
            client.post("/predict", json=ROW, headers={"x-request-id": f"r{number}"})
    chosen = [[line["id"] for line in lines(tmp_path / name)] for name in ("a", "b")]
    assert chosen[0] == chosen[1]
    assert 35 <= len(chosen[0]) <= 85  # of 200


def test_a_share_of_zero_logs_nothing(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), share=0.0))
    client.post("/predict", json=ROW)
    assert list(tmp_path.iterdir()) == []


def test_files_are_closed_at_a_size_and_above_the_budget_rows_are_dropped_and_counted(
    keyed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), file_bytes=2000, bytes=12_000))
    answers = [client.post("/predict", json=ROW) for _ in range(150)]
    assert {answer.status_code for answer in answers} == {200}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 12_000
    closed = [path for path in tmp_path.iterdir() if path.name.endswith(".jsonl")]
    assert len(closed) >= 3
    assert {path.stat().st_size < 2500 for path in closed} == {True}
    logged, dropped = counted(client, "rows"), counted(client, "dropped")
    assert logged == len(lines(tmp_path))
    assert logged + dropped == 150
    assert dropped > 0
    assert caplog.text.count("SCORING_LOG_BYTES") == 1


def test_the_log_goes_on_once_there_is_room_again(keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgitops.serving.prediction_log.SCAN_SECONDS", 0)
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), bytes=5000))
    (tmp_path / "other").write_bytes(b"x" * 5000)
    client.post("/predict", json=ROW)
    assert counted(client, "dropped") == 1
    (tmp_path / "other").unlink()
    client.post("/predict", json=ROW)
    assert (counted(client, "rows"), counted(client, "dropped")) == (1, 1)


def test_a_full_disk_drops_counts_and_leaves_no_half_written_line(
    keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path)))
    client.post("/predict", json=ROW)
    write, modes = os.write, iter(["part", "nothing"])

    def full(number: int, data: bytes) -> int:
        if next(modes) == "part":
            return write(number, data[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log_file.os, "write", full)
        assert [client.post("/predict", json=ROW).status_code for _ in range(2)] == [200, 200]
    client.post("/predict", json=ROW)
    assert len(lines(tmp_path)) == 2  # each line is complete
    assert (counted(client, "rows"), counted(client, "dropped")) == (2, 2)


def test_a_folder_that_disappears_drops_and_counts(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path / "log")))
    (tmp_path / "log").rmdir()
    assert client.post("/predict", json=ROW).status_code == 200
    assert counted(client, "dropped") == 1


def test_a_file_is_closed_when_it_is_old_enough_and_the_clock_is_set_back(
    keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path), file_seconds=100))
    now = [1000.0]
    monkeypatch.setattr("mlgitops.serving.prediction_log.monotonic", lambda: now[0])
    client.post("/predict", json=ROW)
    monkeypatch.setattr("mlgitops.serving.prediction_log.time", lambda: 5.0)
    now[0] += 99
    client.post("/predict", json=ROW)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".jsonl")] == []
    now[0] += 2
    client.post("/predict", json=ROW)
    assert len([path for path in tmp_path.iterdir() if path.name.endswith(".jsonl")]) == 1
    assert len(lines(tmp_path)) == 3


def test_a_file_is_closed_when_it_is_old_enough_even_if_no_request_comes(keyed: Path, tmp_path: Path) -> None:
    _, api = service(keyed, LogSettings(folder=str(tmp_path), file_seconds=1))

    async def wait() -> None:
        await request(api, json.dumps(ROW).encode(), [(b"content-type", b"application/json")])
        async with asyncio.timeout(30):
            while any(path.name.endswith(".open") for path in tmp_path.iterdir()):
                await asyncio.sleep(0.05)

    asyncio.run(wait())
    assert len(lines(tmp_path)) == 1


def test_a_file_in_use_is_not_taken_and_one_of_a_killed_worker_is(keyed: Path, tmp_path: Path) -> None:
    client, _ = service(keyed, LogSettings(folder=str(tmp_path)))
    client.post("/predict", json=ROW)
    (tmp_path / "killed.jsonl.open").write_bytes(b"{}\n")
    (tmp_path / "new.jsonl.open").write_bytes(b"")
    log_file.close_abandoned(tmp_path)
    names = sorted(path.name.partition(".")[2] for path in tmp_path.iterdir())
    assert names == ["jsonl", "jsonl.open", "jsonl.open"]
    assert (tmp_path / "killed.jsonl").is_file()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SCORING_LOG_SHARE", "2", "not a number from 0 to 1"),
        ("SCORING_LOG_SHARE", "nan", "not a number from 0 to 1"),
        ("SCORING_LOG_BYTES", "1G", "not a whole number above 0"),
        ("SCORING_LOG_ROWS", "0", "not a whole number above 0"),
        ("SCORING_LOG_COLUMNS", "age, late", "late: not in the requests; choose among at, age, city, flight"),
        ("SCORING_LOG", "/proc/nowhere", "name a folder to write to"),
    ],
)
def test_a_wrong_setting_is_an_error_at_the_start(
    keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv("SCORING_LOG", str(tmp_path / "log"))
    monkeypatch.setenv(variable, value)
    with pytest.raises(ProjectError, match=message):
        service(keyed, LogSettings.from_environment())


def test_columns_with_commas_in_their_names_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_LOG_COLUMNS", 'a, "b, c" ,d')
    assert LogSettings.from_environment().columns == ("a", "b, c", "d")


@pytest.fixture
def process(
    keyed: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple["subprocess.Popen[bytes]", Client]]:
    """Yield a real service that logs, with as many workers as the test asks for."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "SCORING_LOG": str(tmp_path / "log"), "SCORING_WORKERS": str(request.param)}
    command = [sys.executable, "-m", "mlgitops.serving.serve", "--model", str(keyed), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as running:
        try:
            client = Client(f"http://127.0.0.1:{port}")
            client.wait(process=running)
            yield running, client
        finally:
            kill(running.pid)


def kill(pid: int) -> None:
    """Kill a service and its workers, which have sessions of their own, at once."""
    with suppress(psutil.NoSuchProcess):
        service = psutil.Process(pid)
        for each in [*service.children(recursive=True), service]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def ask(port: int, answered: list[str], enough: threading.Event) -> None:
    """Send requests until the service is gone; *enough* is set after some of them."""
    connection, body = HTTPConnection("127.0.0.1", port, timeout=30), json.dumps(ROW)
    try:
        while True:
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            answered.append(response.headers["X-Prediction-Id"])
            if len(answered) > 200:
                enough.set()
    except (OSError, HTTPException):
        enough.set()


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
@pytest.mark.parametrize("process", [1, 2], ids=["one worker", "two workers"], indirect=True)
def test_each_prediction_that_was_returned_is_in_the_log_however_the_service_ends(
    process: tuple["subprocess.Popen[bytes]", Client], kind: signal.Signals, tmp_path: Path
) -> None:
    running, client = process
    answered: list[str] = []
    port, enough = int(client.url.rpartition(":")[2]), threading.Event()
    callers = [threading.Thread(target=ask, args=(port, answered, enough)) for _ in range(4)]
    for caller in callers:
        caller.start()
    assert enough.wait(60)
    if kind == signal.SIGKILL:
        kill(running.pid)
    else:
        running.send_signal(kind)
    for caller in callers:
        caller.join(60)
    running.wait(60)
    logged = {line["id"] for line in lines(tmp_path / "log")}
    assert len(answered) > 200
    assert set(answered) - logged == set()
    assert len(logged) - len(answered) <= len(callers)  # those that were on their way
    log_file.close_abandoned(tmp_path / "log")
    assert {path.suffix for path in (tmp_path / "log").iterdir()} == {".jsonl"}
