"""The service answers every row that keeps the contract, and refuses any other by row and field."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models, strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import json_schema
from mlgitops.contract.synthetic import example_rows
from mlgitops.data import frame
from mlgitops.model.scorer import Scorer, difference, digest
from mlgitops.serving import admission, bento
from mlgitops.serving import app as service_api
from mlgitops.serving.admission import Headers, Receive
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits

PRIVATE = "my address 4711"  # what a caller would not like to read in a log
LIMITS = Limits(max_bytes=300_000, max_rows=500)
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def client(folder: Path, limits: Limits = LIMITS) -> TestClient:
    api = Api()
    bento.start(api, folder, limits)
    return TestClient(api)


@pytest.fixture(scope="session", params=["project", *contracts.TARGETS])
def folder(request: pytest.FixtureRequest, exported_of: Callable[[str], Path]) -> Path:
    """Return exported models: the project's own, and one of each task with awkward columns."""
    return exported_of(request.param)


@pytest.fixture(scope="session")
def served(folder: Path) -> TestClient:
    return client(folder)


@pytest.fixture(scope="session")
def mine(exported: Path) -> TestClient:
    return client(exported)


@pytest.fixture(scope="session")
def row(exported: Path) -> dict[str, Any]:
    return dict(files.read_json(exported / "golden.json")["rows"][0])


def post(client: TestClient, body: bytes | str, kind: str = "application/json", **headers: str) -> Any:
    return client.post("/predict", content=body, headers={"content-type": kind, **headers})


async def ask(api: Api, receive: Receive, headers: Headers | None = None) -> list[Any]:
    """Return what is sent to a caller whose body *receive* gives."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), *(headers or [])]
    await api({"type": "http", "path": "/predict", "method": "POST", "headers": headers}, receive, send)
    return sent


def test_golden_rows_get_the_answers_that_they_got_at_export(served: TestClient, folder: Path) -> None:
    golden = files.read_json(folder / "golden.json")
    together = served.post("/predict", json=golden["rows"])
    one_by_one = [served.post("/predict", json=row).json() for row in golden["rows"]]
    assert together.status_code == 200
    assert difference(golden["answers"], together.json()) == ""
    assert difference(golden["answers"], one_by_one) == ""


def test_rows_that_keep_the_contract_are_answered_as_batch_scoring_answers_them(
    served: TestClient, folder: Path
) -> None:
    scorer = Scorer(folder)

    @EXAMPLES
    @given(st.lists(strategies.rows(scorer.contract), min_size=1, max_size=5))
    def holds(rows: list[dict[str, Any]]) -> None:
        found = served.post("/predict", content=json.dumps(rows), headers={"content-type": "application/json"})
        assert found.status_code == 200, found.text
        table = pd.DataFrame(rows, columns=list(scorer.contract.inputs), dtype=object)
        cold = scorer.answers(frame.columns(frame.parse(table, scorer.contract), scorer.contract))
        assert found.json() == cold
        assert "NaN" not in found.text
        assert "Infinity" not in found.text

    holds()


def test_a_wrong_cell_is_refused_by_row_and_field(served: TestClient, folder: Path) -> None:
    contract = Contract.load(folder / "contract.yaml")
    rows = example_rows(contract, 3)

    @EXAMPLES
    @given(st.integers(0, 2), strategies.mistakes(contract))
    def holds(number: int, mistake: tuple[str, str]) -> None:
        field, text = mistake
        wrong = deepcopy(rows)
        wrong[number][field] = "@@@"
        found = post(served, json.dumps(wrong).replace('"@@@"', text))
        assert found.status_code == 422, found.text
        assert [(d["row"], d["field"]) for d in found.json()["details"]] == [(number, field)]
        assert PRIVATE not in found.text
        alone = post(served, json.dumps(wrong[number]).replace('"@@@"', text))
        assert [(d["row"], d["field"]) for d in alone.json()["details"]] == [(0, field)]

    holds()


def test_a_field_that_may_be_missing_may_be_null_or_absent_and_no_other(served: TestClient, folder: Path) -> None:
    contract = Contract.load(folder / "contract.yaml")
    row = example_rows(contract, 1)[0]
    for name, column in contract.inputs.items():
        absent = served.post("/predict", json={other: cell for other, cell in row.items() if other != name})
        null = served.post("/predict", json={**row, name: None})
        if column.missing:
            assert absent.status_code == null.status_code == 200
            assert absent.json() == null.json()
        else:
            for found in (absent, null):
                assert found.status_code == 422
                assert [d["field"] for d in found.json()["details"]] == [name]


BODIES = {
    "nothing": (b"", 400),
    "words": (b"hello", 400),
    "half": (b'{"a": 1', 400),
    "not UTF-8": (b'{"a": "\xff"}', 400),
    "UTF-16": ("{}".encode("utf-16"), 400),
    "half a surrogate": (rb'{"a": "\ud800"}', 400),
    "deep array": (b"[" * 100_000, 422),
    "deep object": (b'{"a":' * 50_000, 422),
    "a huge number": (b"[" + b"9" * 5000 + b"]", 400),
    "empty array": (b"[]", 422),
    "null": (b"null", 422),
    "a number": (b"1", 422),
    "a text": (b'"row"', 422),
    "an empty row": (b"{}", 422),
    "no rows": (b"[1, null, [], {}]", 422),
    "an array of arrays": (b"[[[]]]", 422),
    "too many rows": (b"[" + b",".join([b"{}"] * 501) + b"]", 422),  # wrong ones: the first is named
    "too large": (b"[" + b" " * 300_000 + b"]", 413),
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_is_too_strange_to_be_refused(mine: TestClient, name: str) -> None:
    body, status = BODIES[name]
    found = post(mine, body)
    assert found.status_code == status, found.text
    assert set(found.json()) == {"error", "details"}
    assert len(found.json()["details"]) <= 20


@settings(EXAMPLES, max_examples=200)
@given(body=st.binary(max_size=50) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_body_makes_it_fail(mine: TestClient, body: bytes | str) -> None:
    assert post(mine, body).status_code in (400, 422)


def split(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"columns": [*rows[0]], "data": [[*row.values()] for row in rows]}


TABLES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "MLflow's split": lambda rows: {"dataframe_split": split(rows)},
    "pandas' split": split,
    "pandas' columns": lambda rows: {name: {str(n): row[name] for n, row in enumerate(rows)} for name in rows[0]},
    "columns as arrays": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
    "arrays": lambda rows: [[*row.values()] for row in rows],
    "MLflow's records": lambda rows: {"dataframe_records": rows},
    "TensorFlow's instances": lambda rows: {"instances": rows},
}


@pytest.mark.parametrize("times", [1, 2000])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_the_format_of_another_server_is_refused_with_the_format_to_send(
    exported: Path, row: dict[str, Any], name: str, times: int
) -> None:
    refused = client(exported, Limits()).post("/predict", json=TABLES[name]([row] * times))
    assert refused.status_code == 422
    assert "send [{…}, {…}]" in refused.json()["error"]


def test_more_rows_than_the_limit_are_refused(exported: Path, row: dict[str, Any]) -> None:
    narrow = client(exported, Limits(max_rows=3))
    assert narrow.post("/predict", json=[row] * 3).status_code == 200
    found = narrow.post("/predict", json=[row] * 4)
    assert found.status_code == 413
    assert "more than 3 rows" in found.json()["error"]


@pytest.mark.parametrize("length", [b"5000", b"9" * 5000, b"-1", None])
def test_a_body_is_read_no_further_than_the_limit(exported: Path, length: bytes | None) -> None:
    api = Api()
    bento.start(api, exported, Limits(max_bytes=1000))
    chunks = iter(range(50))  # of 100 bytes each, had they all been read

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b" " * 100, "more_body": next(chunks) < 49}

    sent = asyncio.run(ask(api, receive, [(b"content-length", length)] if length else []))
    assert sent[0]["status"] == 413
    assert len(list(chunks)) >= 39


def test_a_row_with_unknown_or_doubled_fields_is_refused(mine: TestClient, row: dict[str, Any]) -> None:
    name = next(iter(row))
    one = json.dumps(row)
    again = json.dumps({name: row[name]})[1:]
    double = f"{one[:-1]}, {again}"
    escaped = double.replace(again, again.replace(name, "".join(f"\\u{ord(c):04x}" for c in name), 1))
    for body in (double, escaped, f"[{double}]"):
        found = post(mine, body)
        assert found.status_code == 422
        assert found.json()["details"] == [{"row": 0, "field": name, "message": "Field is written twice"}]
    for extra in ('"nonsense": 1', r'"nonsen\u0073e": {"a": [1]}', '"nonsense": null'):
        found = post(mine, f"[{one}, {one[:-1]}, {extra}" + "}]")
        assert found.json()["details"] == [{"row": 1, "field": "nonsense", "message": "There is no such field"}]


def test_many_mistakes_are_told_in_a_short_answer(mine: TestClient) -> None:
    fields = json.dumps({f"field {n}": n for n in range(2000)}).encode()
    for body in (fields, b"[" + fields + b"]", b"[" + b",".join([b"{}"] * 500) + b"]"):
        found = post(mine, body)
        assert found.status_code == 422
        assert len(found.json()["details"]) == 20
        assert len(found.content) < 10_000


TYPES = {
    "text/plain": 415,
    "": 415,
    "multipart/form-data; boundary=x": 415,
    "application/x-www-form-urlencoded": 415,
    "application/json; charset=utf-16": 415,
    "application/json; charset=utf-8": 200,
    "APPLICATION/JSON": 200,
}


@pytest.mark.parametrize("kind", TYPES)
def test_only_json_is_read(mine: TestClient, row: dict[str, Any], kind: str) -> None:
    assert post(mine, json.dumps(row), kind).status_code == TYPES[kind]
    packed = {"content-encoding": "gzip"}
    assert post(mine, json.dumps(row), "application/json", **packed).status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/predict", "/", "/schema", "/livez"])
def test_a_wrong_method_is_told_the_right_one(mine: TestClient, method: str, path: str) -> None:
    found = mine.request(method, path)
    assert found.status_code == 405
    assert found.headers["allow"] == ("POST" if path == "/predict" else "GET, HEAD")


def test_what_was_sent_stays_out_of_answers_and_logs(
    mine: TestClient, row: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in row:
        for cell in (PRIVATE * 100, [PRIVATE], {PRIVATE: PRIVATE}):
            found = mine.post("/predict", json={**row, name: cell})
            assert PRIVATE not in found.text
    for body in (PRIVATE, '{"' + PRIVATE, f'["{PRIVATE}"]'):
        assert PRIVATE not in post(mine, body).text
    mine.get(f"/{PRIVATE}")
    assert PRIVATE not in mine.get("/metrics").text
    assert PRIVATE not in "".join((caplog.text, *capfd.readouterr()))


def test_a_failing_model_is_an_error_500_that_keeps_secrets(
    exported: Path, row: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(PRIVATE)

    broken = client(exported)
    monkeypatch.setattr(Scorer, "predict", fail)
    logging.getLogger("bentoml").propagate = True
    found = broken.post("/predict", json=row, headers={"x-request-id": "order-17"})
    assert found.status_code == 500
    assert "request order-17" in caplog.text
    assert set(found.json()) == {"error", "details"}
    assert "ValueError" in caplog.text
    assert PRIVATE not in caplog.text + found.text


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_not_given(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    odd, predict = client(exported), Scorer.predict

    def spoil(scorer: Scorer, columns: dict[str, list[Any]]) -> np.ndarray:
        found = predict(scorer, columns).copy()
        found[1:] = number
        return found

    monkeypatch.setattr(Scorer, "predict", spoil)
    found = odd.post("/predict", json=[row, row])
    assert found.status_code == 422
    assert [d["row"] for d in found.json()["details"]] == [1]


def test_large_requests_are_answered_as_small_ones(exported: Path) -> None:
    wide_open, golden = client(exported, Limits()), files.read_json(exported / "golden.json")
    times = 70_000 // len(json.dumps(golden["rows"])) + 1  # enough to be scored beside the event loop
    found = wide_open.post("/predict", json=golden["rows"] * times)
    assert difference(golden["answers"] * times, found.json()) == ""


def test_a_time_with_a_zone_is_taken_in_that_of_the_contract(tmp_path: Path) -> None:
    contract = contracts.contract({"t": "{type: datetime, parts: [hour, day, days], zone: UTC}"})
    served = client(models.exported(contract, tmp_path))
    reader = served.app._rows._parser  # type: ignore[attr-defined]  # the test's own application
    for text, moment in {
        "2021-06-01T00:30:00": datetime(2021, 6, 1, 0, 30),
        "2021-06-01 00:30": datetime(2021, 6, 1, 0, 30),
        "2021-06-01": datetime(2021, 6, 1),
        "2021-06-01T00:30:00Z": datetime(2021, 6, 1, 0, 30),
        "2021-06-01T00:30:00.123456+02:00": datetime(2021, 5, 31, 22, 30, 0, 123456),
        "2021-05-31T23:30:00-01:00": datetime(2021, 6, 1, 0, 30),
    }.items():
        assert reader.read(json.dumps({"t": text}).encode())[0] == {"t": [moment]}
    for text in ("2021-02-30T00:00:00", "1622507400", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31", ""):
        assert served.post("/predict", json={"t": text}).status_code == 422


def test_a_key_is_asked_for_where_one_is_set(exported: Path, row: dict[str, Any]) -> None:
    closed = client(exported, Limits(api_key="kéy"))
    basic = b64encode("anyone:kéy".encode()).decode()
    for path in ("/", "/schema", "/lineage", "/metrics", "/docs", "/openapi.json", "/nowhere"):
        assert closed.get(path).status_code == 401
        assert closed.get(path, headers={"authorization": f"Basic {basic}"}).status_code in (200, 404)
    for wrong in ({}, {"authorization": "Bearer no"}, {"authorization": "Basic %"}, {"authorization": basic}):
        found = closed.post("/predict", json=row, headers=wrong)
        assert found.status_code == 401
        assert "Bearer" in found.headers["www-authenticate"]
    bearer = {"authorization": "Bearer kéy".encode()}
    assert closed.post("/predict", json=row, headers=bearer).status_code == 200  # type: ignore[arg-type]  # bytes are allowed


def test_metrics_alone_may_be_open_where_a_key_is_set(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_API_KEY", "key")
    for value, status in {"true": 200, "True": 200, "": 401, "false": 401, "yes": 401}.items():
        monkeypatch.setenv("SCORING_OPEN_METRICS", value)
        closed = client(exported, Limits.from_environment())
        assert closed.get("/metrics").status_code == status
        for path in ("/", "/lineage", "/metrics/", "/docs", "/openapi.json"):
            assert closed.get(path).status_code == 401
        assert closed.post("/predict", json=row).status_code == 401


def test_the_start_of_the_service_is_a_metric(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []
    for moment in (1000.5, 2000.5):
        monkeypatch.setattr("time.time", lambda moment=moment: moment)
        starts += re.findall(r"(?m)^scoring_start_time_seconds (.+)$", client(exported).get("/metrics").text)
    assert starts == ["1000.5", "2000.5"]


def test_more_requests_than_can_wait_are_sent_away_at_once(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_api, "RETRY_SECONDS", 0)
    api = Api()
    bento.start(api, exported, Limits(max_concurrency=2))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(row).encode()}

    async def rush() -> list[list[Any]]:
        return [*await asyncio.gather(*(ask(api, receive) for _ in range(5))), await ask(api, receive)]

    found = asyncio.run(rush())
    assert [messages[0]["status"] for messages in found] == [200, 200, 503, 503, 503, 200]
    assert (b"retry-after", b"1") in found[2][0]["headers"]


def test_turns_are_few_in_a_round_in_order_and_none_is_lost_when_a_caller_gives_up() -> None:
    turns, order = admission.Turns(), list[tuple[int, int]]()  # round, caller

    async def call(number: int) -> None:
        await turns.take()
        order.append((rounds, number))

    async def rush() -> None:
        nonlocal rounds
        callers = [asyncio.create_task(call(number)) for number in range(40)]
        await asyncio.sleep(0)
        callers[20].cancel()
        while turns.waiting:
            rounds += 1
            await asyncio.sleep(0)
        await asyncio.gather(*callers, return_exceptions=True)

    rounds = 0
    asyncio.run(rush())
    assert [number for _, number in order] == [*range(20), *range(21, 40)]
    assert max(Counter(number for number, _ in order).values()) <= admission.TURNS


def test_a_caller_whose_body_is_on_its_way_takes_no_place(exported: Path, row: dict[str, Any]) -> None:
    api = Api()
    bento.start(api, exported, Limits(max_concurrency=1))

    async def crowd() -> list[list[Any]]:
        body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def slow() -> dict[str, Any]:
            return {"type": "http.request", "body": await body}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(row).encode()}

        waiting = asyncio.create_task(ask(api, slow))
        await asyncio.sleep(0)
        quick = await asyncio.wait_for(ask(api, receive), 10)
        body.set_result(json.dumps(row).encode())
        return [quick, await waiting]

    assert [messages[0]["status"] for messages in asyncio.run(crowd())] == [200, 200]


def test_who_is_sent_away_is_told_at_once_and_heard_again_later(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, pause = Api(), asyncio.Event()
    bento.start(api, exported, Limits(max_concurrency=1))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(row).encode()}

    async def wait(seconds: float) -> None:
        await (pause.wait() if seconds else real(0))

    async def rush() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        first = asyncio.create_task(ask(api, receive))
        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "path": "/predict", "method": "POST", "headers": headers}
        second = asyncio.create_task(api(scope, receive, send))
        assert (await first)[0]["status"] == 200
        start, body = sent
        assert (b"content-length", b"%d" % len(body["body"])) in start["headers"]
        assert body["more_body"] is True, "the connection is not yet free"
        pause.set()
        await second
        assert sent[2:] == [{"type": "http.response.body"}]

    real = asyncio.sleep
    monkeypatch.setattr(service_api.asyncio, "sleep", wait)
    asyncio.run(rush())


def test_a_caller_whose_body_does_not_come_is_sent_away_and_holds_no_place(exported: Path, row: dict[str, Any]) -> None:
    api = Api()
    bento.start(api, exported, Limits(max_concurrency=1, max_seconds=1))
    begun = {"type": "http.request", "body": b"{", "more_body": True}

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def stall() -> dict[str, Any]:
        return begun if not stalled.is_set() and not stalled.set() else await asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(row).encode()}

    async def turns() -> list[list[Any]]:
        return [await ask(api, one) for one in (drip, stall, receive)]

    stalled = asyncio.Event()
    found = asyncio.run(turns())
    assert [messages[0]["status"] for messages in found] == [408, 408, 200]
    assert (b"connection", b"close") in found[0][0]["headers"]


def test_metrics_do_not_grow_with_what_is_asked(exported: Path, row: dict[str, Any]) -> None:
    counted = client(exported)
    counted.post("/predict", json=[row, row])
    counted.post("/predict", json={})
    counted.get("/nowhere")
    before = counted.get("/metrics").text
    for number in range(50):
        counted.get(f"/nowhere/{number}")
        counted.request(f"METHOD{number}", "/nowhere")
    after = counted.get("/metrics").text
    assert 'scoring_requests_total{route="/predict",status="200"} 1.0' in before
    assert 'scoring_requests_total{route="/predict",status="422"} 1.0' in before
    assert "scoring_rows_total 2.0" in before
    assert 'scoring_requests_total{route="other",status="404"} 101.0' in after
    assert len(after.splitlines()) <= len(before.splitlines()) + 20  # /metrics itself is new


def test_categories_that_the_model_never_saw_are_counted_by_column(exported: Path, row: dict[str, Any]) -> None:
    counted = client(exported)
    metric = 'scoring_unknown_categories_total{column="country"} '
    assert metric + "0.0" in counted.get("/metrics").text
    known = {**row, "country": files.read_json(exported / "categories.json")["country"][0]}
    for unseen in (known, {**row, "country": None}, [known] * 3):
        assert counted.post("/predict", json=unseen).status_code == 200
    assert metric + "0.0" in counted.get("/metrics").text
    new = {**row, "country": "Atlantis"}
    large = [new] * (70_000 // len(json.dumps(new)) + 1)  # in parts
    for unseen in (new, [known, new, new], large):
        assert counted.post("/predict", json=unseen).status_code == 200
    assert metric + f"{3.0 + len(large)}" in counted.get("/metrics").text
    assert counted.post("/predict", json=[new, {}]).status_code == 422
    assert metric + f"{3.0 + len(large)}" in counted.get("/metrics").text


def test_pages_bring_everything_with_them(mine: TestClient) -> None:
    for path in ("/", "/docs"):
        page = mine.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert len(re.findall(r"<script>", page.text)) == policy.count("'sha256-")
        for link in re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text):
            assert mine.get(f"/{link.removeprefix('./')}").status_code == 200, link
    assert mine.head("/").content == b""


def test_no_description_can_break_out_of_the_page(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    contract = contracts.contract({"x": "{type: number, description: '" + evil + "'}"})
    page = client(models.exported(contract, tmp_path)).get("/").text
    assert evil not in page
    facts = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.DOTALL)
    assert facts
    assert json.loads(facts[1])["fields"][0]["description"] == evil


def test_the_documents_describe_what_is_sent_and_answered(served: TestClient, folder: Path) -> None:
    golden = files.read_json(folder / "golden.json")
    document = served.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name, values in {"Row": golden["rows"], "Answer": golden["answers"]}.items():
        Draft202012Validator.check_schema(schemas[name])
        for value in values:
            Draft202012Validator(schemas[name]).validate(value)
    refused = served.post("/predict", json={}).json()
    Draft202012Validator(schemas["Error"]).validate(refused)
    operation = document["paths"]["/predict"]["post"]
    for path, values in {"requestBody": golden["rows"], "responses/200": golden["answers"]}.items():
        whole = {**document, "$ref": f"#/paths/~1predict/post/{path}/content/application~1json/schema"}
        Draft202012Validator(whole).validate(values)
        Draft202012Validator(whole).validate(values[0])
    for name, asked in operation["requestBody"]["content"]["application/json"]["examples"].items():
        told = operation["responses"]["200"]["content"]["application/json"]["examples"][name]["value"]
        found = served.post("/predict", json=asked["value"]).json()
        assert difference([told], [found]) == "" if name == "one" else difference(told, found) == ""
    assert served.get("/schema").json() == json_schema(Contract.load(folder / "contract.yaml"))


@pytest.mark.parametrize("examples", ["synthetic", "golden"])
def test_no_real_row_is_shown_unless_a_setting_says_so(
    exported: Path, monkeypatch: pytest.MonkeyPatch, examples: str
) -> None:
    if examples != "synthetic":  # the default
        monkeypatch.setenv("SCORING_EXAMPLES", examples)
    shown, golden = client(exported, Limits.from_environment()), files.read_json(exported / "golden.json")
    made = example_rows(Contract.load(exported / "contract.yaml"), 20)  # the model of the test has seen such rows
    real = {json.dumps(row["sent"]) for row in golden["rows"]} - {json.dumps(row["sent"]) for row in made}
    pages = [shown.get(path).text for path in ("/", "/docs", "/openapi.json", "/schema", "/lineage", "/metrics")]
    leaked = {value for value in real for page in pages if value in page}
    assert (leaked == set()) == (examples == "synthetic")


def test_a_feature_that_fails_for_an_example_does_not_stop_the_service(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ProjectError("features.py: KeyError")

    monkeypatch.setattr(Scorer, "answers", fail)
    served = client(exported)
    assert served.get("/openapi.json").status_code == served.get("/").status_code == 200
    assert served.post("/predict", json=row).status_code == 200


def test_examples_are_of_one_of_two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_EXAMPLES", "none")
    with pytest.raises(ProjectError, match="SCORING_EXAMPLES"):
        Limits.from_environment()


def test_lineage_says_what_the_environment_says(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_VERSION", "7")
    monkeypatch.setenv("SCORING_COMMIT", "c0ffee")
    named = client(exported)
    found = named.get("/lineage").json()
    assert (found["version"], found["commit"], found["image"]) == ("7", "c0ffee", None)
    assert found["model"] == files.read_json(exported / "manifest.json")
    row = files.read_json(exported / "golden.json")["rows"][0]
    assert named.post("/predict", json=row).headers["x-model-version"] == "7"


@pytest.mark.parametrize("sent", ["7", "a" * 64, "01J9.z_X-4"])
def test_the_id_of_a_request_is_returned(mine: TestClient, row: dict[str, Any], sent: str) -> None:
    for body, status in ((row, 200), ({}, 422)):
        answer = mine.post("/predict", json=body, headers={"x-request-id": sent})
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, sent)


@pytest.mark.parametrize("sent", [None, "", "a" * 65, "a b", "a\tb", "é", "a;b", '"a"'])
def test_a_request_without_an_id_that_can_be_logged_gets_one(mine: TestClient, sent: str | None) -> None:
    headers = {} if sent is None else {"x-request-id": sent.encode()}
    ids = {mine.get("/schema", headers=headers).headers["x-request-id"] for _ in range(3)}  # type: ignore[arg-type]  # bytes are allowed
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f-]{36}", made) for made in ids)


PAGE = "https://app.example.com"


def preflight(client: TestClient, origin: str = PAGE) -> Any:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    return client.options("/predict", headers={"origin": origin, **asked})


def test_a_web_page_of_another_origin_may_call_only_where_a_setting_allows_it(
    exported: Path, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = client(exported)
    assert preflight(closed).status_code == 405
    assert "access-control-allow-origin" not in closed.post("/predict", json=row, headers={"origin": PAGE}).headers
    monkeypatch.setenv("SCORING_CORS_ORIGINS", f"https://other.example.com, {PAGE}")
    monkeypatch.setenv("SCORING_API_KEY", "key")
    allowed = client(exported, Limits.from_environment())
    asked = preflight(allowed)  # without the key, which browsers do not send
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert preflight(allowed, "https://example.com").status_code == 400
    for key, status in (("key", 200), ("no", 401)):
        answer = allowed.post("/predict", json=row, headers={"origin": PAGE, "authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    foreign = allowed.get("/schema", headers={"origin": "https://example.com", "authorization": "Bearer key"})
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("origins", ["example.com", "https://example.com/", "https://*.example.com", "ftp://a"])
def test_an_origin_that_no_browser_sends_is_refused(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("SCORING_CORS_ORIGINS", origins)
    with pytest.raises(ProjectError, match="SCORING_CORS_ORIGINS"):
        Limits.from_environment()


def altered(exported: Path, folder: Path, name: str, text: bytes, signed: bool) -> Path:
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / name).write_bytes(text)
    if signed:
        manifest = files.read_json(folder / "manifest.json")
        manifest["files"][name] = digest(folder / name)
        files.write_json(folder / "manifest.json", manifest)
    return folder


@pytest.mark.parametrize("name", ["model.onnx", "contract.yaml", "golden.json"])
def test_a_file_that_was_not_exported_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    folder = altered(exported, tmp_path, name, b"else", signed=False)
    with pytest.raises(ProjectError, match="its digest differs"):
        client(folder)


def test_a_model_that_answers_otherwise_is_refused(exported: Path, tmp_path: Path) -> None:
    golden = files.read_json(exported / "golden.json")
    golden["answers"][1] = golden["answers"][1] | {"prediction": "else"}
    folder = altered(exported, tmp_path, "golden.json", json.dumps(golden).encode(), signed=True)
    with pytest.raises(ProjectError, match="row 1"):
        client(folder)


@pytest.mark.parametrize("name", ["MAX_BYTES", "MAX_ROWS", "MAX_CONCURRENCY", "MAX_SECONDS", "MAX_CONNECTIONS"])
@pytest.mark.parametrize("text", ["0", "-1", "ten", "1e6"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"SCORING_{name}", text)
    with pytest.raises(ProjectError, match=f"SCORING_{name}"):
        Limits.from_environment()


def test_the_service_needs_nothing_that_training_needs(exported: Path) -> None:
    code = """
import sys, pathlib
from mlgitops.serving import bento
bento.start(bento.api, pathlib.Path(sys.argv[1]), bento.Limits())
print(*sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code, str(exported)], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in found.stdout.split()}
    assert {"bentoml", "onnxruntime", "numpy", "pydantic", "yaml", "click"} <= loaded
    assert loaded & {"dvc", "great_expectations", "mlflow", "onnx", "optuna", "pandas", "pyarrow", "sklearn"} == set()
