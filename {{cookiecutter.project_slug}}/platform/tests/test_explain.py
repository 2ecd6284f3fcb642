"""The service gives the reasons for its predictions, and predictions do not wait for them."""

import asyncio
import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from mlgitops.batch import score
from mlgitops.common import files
from mlgitops.model import background
from mlgitops.model.reasons import Explainer, Reasons
from mlgitops.model.scorer import Scorer, digests
from mlgitops.serving import app as service_api
from mlgitops.serving import bento, explain
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits


def served(folder: Path, limits: Limits | None = None) -> TestClient:
    api = Api()
    bento.start(api, folder, limits or Limits(explain_rows=20))
    return TestClient(api)


def command(source: Path, scored: Path | str, folder: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(score.main, [str(source), str(scored), "--model", str(folder), *options])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def rows(exported: Path) -> list[dict[str, Any]]:
    return list(files.read_json(exported / "golden.json")["rows"])


@pytest.fixture(scope="module")
def client(exported: Path) -> TestClient:
    return served(exported)


@pytest.fixture(scope="module")
def without(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that was exported without background rows."""
    folder = tmp_path_factory.mktemp("without") / "export"
    shutil.copytree(exported, folder)
    (folder / background.FILE).unlink()
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "files": digests(folder)})
    return folder


@pytest.mark.parametrize("which", ["project", "multiclass"])
def test_reasons_come_with_the_answer_of_predict_and_add_up_to_it(
    which: str, exported_of: Callable[[str], Path]
) -> None:
    folder = exported_of(which)
    client, sent = served(folder), files.read_json(folder / "golden.json")["rows"]
    predicted, together = (client.post(path, json=sent).json() for path in ("/predict", "/explain"))
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for answer, found in zip(predicted, together, strict=True):
        Draft202012Validator(schemas["Explanation"]).validate(found)
        assert {name: found[name] for name in answer} == answer
        shares = [reason["contribution"] for reason in found["reasons"]]
        assert [*map(abs, shares)] == sorted(map(abs, shares), reverse=True)
        number = answer["probability"] if "probability" in answer else answer["probabilities"][answer["prediction"]]
        assert found["base"] + sum(shares) == pytest.approx(number, rel=1e-9, abs=1e-9)
    assert {reason["field"] for reason in together[0]["reasons"]} == {*Explainer(Scorer(folder)).columns}
    assert any(share for found in together for share in (reason["contribution"] for reason in found["reasons"]))
    alone = [client.post("/explain", json=row).json() for row in reversed(sent)]
    for one, found in zip(reversed(alone), together, strict=True):
        assert [reason["field"] for reason in one["reasons"]] == [reason["field"] for reason in found["reasons"]]
        expected = [reason["contribution"] for reason in found["reasons"]]
        assert [reason["contribution"] for reason in one["reasons"]] == pytest.approx(expected, abs=1e-6)


def test_a_request_for_reasons_is_refused_as_one_for_a_prediction(
    client: TestClient, rows: list[dict[str, Any]]
) -> None:
    wrong: list[Any] = [[rows[0], {**rows[1], "weight": -1}], {}, [], {**rows[0], "other": 1}]
    for body in wrong:
        refused, expected = (client.post(path, json=body) for path in ("/explain", "/predict"))
        assert (refused.status_code, refused.json()) == (expected.status_code, expected.json())
        assert refused.status_code == 422
    assert client.post("/explain", content="{}", headers={"content-type": "text/plain"}).status_code == 415
    read = client.get("/explain")
    assert (read.status_code, read.headers["allow"]) == (405, "POST")
    many = client.post("/explain", json=rows + rows[:1])
    assert (many.status_code, many.json()["error"][:28]) == (413, "there are more than 20 rows:")
    assert 'route="/explain",status="413"' in client.get("/metrics").text
    keyed = served(client.app._rows._scorer.folder, Limits(api_key="k"))  # type: ignore[attr-defined]  # an Api
    assert keyed.post("/explain", json=rows[0]).status_code == 401


def test_a_request_may_have_fewer_rows_where_a_row_costs_more(
    exported: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = Explainer(Scorer(exported)).cost
    monkeypatch.setattr(explain, "MAX_COST", 2 * cost)
    client = served(exported)
    assert client.post("/explain", json=rows[:2]).status_code == 200
    assert client.post("/explain", json=rows[:3]).status_code == 413
    assert "at most 2 rows" in client.get("/openapi.json").text
    monkeypatch.setattr(explain, "MAX_COST", 1)
    assert served(exported).post("/explain", json=rows[0]).status_code == 200


@pytest.mark.parametrize("off", [False, True])
def test_a_service_without_reasons_says_what_to_set(
    off: bool, without: Path, exported: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if off:
        monkeypatch.setenv("SCORING_EXPLAIN_ROWS", "0")
    client = served(exported if off else without, Limits.from_environment())
    refused = client.post("/explain", json=rows[0])
    setting = "SCORING_EXPLAIN_ROWS" if off else "export.background_rows"
    assert (refused.status_code, refused.json()["details"]) == (404, [])
    assert setting in refused.json()["error"]
    assert "/explain" not in client.get("/openapi.json").json()["paths"]
    facts = re.findall(r'id="facts">(.*?)</script>', client.get("/").text, re.DOTALL)
    assert json.loads(facts[0])["explained"] is False
    assert client.post("/predict", json=rows[0]).status_code == 200


def test_predictions_are_answered_while_reasons_are_computed_and_their_queue_is_short(
    exported: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_api, "RETRY_SECONDS", 0)
    begun, proceed, compute = threading.Event(), threading.Event(), Explainer.reasons

    def reasons(*arguments: Any) -> Reasons:
        begun.set()
        assert proceed.wait(60)
        return compute(*arguments)

    monkeypatch.setattr(Explainer, "reasons", reasons)
    api = Api()
    bento.start(api, exported, Limits(max_concurrency=32))  # of which two may be for reasons

    async def ask(path: str) -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(rows[0]).encode()}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        await api({"type": "http", "path": path, "method": "POST", "headers": headers}, receive, send)
        return int(sent[0]["status"])

    async def crowd() -> tuple[list[int], list[int], list[int]]:
        explained = [asyncio.create_task(ask("/explain")) for _ in range(5)]
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, 60)
        predicted = [await ask("/predict") for _ in range(3)]
        waiting = [task for task in explained if not task.done()]
        refused = [await task for task in explained if task.done()]
        proceed.set()
        return predicted, refused, [await task for task in waiting]

    assert asyncio.run(crowd()) == ([200] * 3, [503] * 3, [200] * 2)


def test_a_row_whose_mixtures_cannot_be_scored_is_refused(
    client: TestClient, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Scorer.run

    def overflow(self: Scorer, features: dict[str, np.ndarray]) -> np.ndarray:
        answer = run(self, features)
        return answer * np.inf if len(answer) > 3 else answer

    monkeypatch.setattr(Scorer, "run", overflow)
    refused = client.post("/explain", json=rows[:2])
    assert (refused.status_code, refused.json()["error"]) == (422, "the model gives no reasons for this row")
    assert refused.json()["details"] == [{"row": 0, "field": None, "message": "Numbers are too large"}]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_scored_table_has_the_strongest_reasons_that_the_service_gives(
    kind: str, exported: Path, client: TestClient, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    source, scored = tmp_path / "rows.csv", tmp_path / f"scored.{kind}"
    pd.DataFrame([rows[0], {**rows[1], "weight": -1}, *rows[2:]]).to_csv(source, index=False)
    code, output = command(source, scored, exported, "--reasons", "3")
    assert code == 1, output
    found = pd.read_csv(scored) if kind == "csv" else pd.read_parquet(scored)
    names = ["base", *(f"{name}_{n}" for n in (1, 2, 3) for name in ("reason", "contribution"))]
    assert [name for name in found if name in names] == names
    assert found.loc[1, names].isna().all()
    for row, answer in enumerate(client.post("/explain", json=rows).json()):
        if row != 1:
            strongest = [value for reason in answer["reasons"][:3] for value in reason.values()]
            actual = found.loc[row, names].tolist()
            assert actual[1::2] == strongest[::2]
            assert [actual[0], *actual[2::2]] == pytest.approx([answer["base"], *strongest[1::2]], abs=1e-6)


def test_reasons_that_cannot_be_written_are_one_sentence(without: Path, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    for folder, scored, message in (
        (without, str(tmp_path / "out.csv"), "set export.background_rows in params.yaml"),
        (exported, "table:predictions", "reasons are written to files"),
    ):
        code, output = command(tmp_path / "rows.csv", scored, folder, "--reasons", "5")
        assert code == 1
        assert message in output


def test_more_reasons_than_columns_leave_the_last_ones_empty_and_a_table_may_have_no_rows(
    exported: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    for count in (1, 0):
        pd.DataFrame(rows[:count], columns=list(rows[0])).to_csv(tmp_path / "rows.csv", index=False)
        code, output = command(tmp_path / "rows.csv", tmp_path / "out.csv", exported, "--reasons", "20")
        assert code == 0, output
        found = pd.read_csv(tmp_path / "out.csv")
        assert len(found) == count
        assert found["reason_20"].isna().all()
