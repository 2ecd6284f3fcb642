"""The generated Python client is typed by the contract, answers as the service does, and names both versions."""

import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from helpers import contracts

from mlgitops.common import files
from mlgitops.contract import python_client
from mlgitops.contract.contract import Contract
from mlgitops.contract.version import version
from mlgitops.serving import smoke

ODD = {
    "x": '{type: number, unit: "k\\"g", description: "a # b\\n c"}',
    "été\\": "{type: category, categories: ['a\"b', 'c\\d', 'x\u2028y\U000e0001']}",
    "zoned": "{type: datetime, zone: Europe/Vienna, missing: true}",
    "class": "{type: date}",
}


def load(contract: Contract, folder: Path) -> ModuleType:
    path = folder / "client.py"
    path.write_text(python_client.module(contract, "example"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("generated_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def url(exported: Path) -> Iterator[str]:
    """Serve the example's model."""
    with smoke.running(exported) as client:
        yield client.url


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return load(contracts.example(), tmp_path_factory.mktemp("client"))


@pytest.fixture
def golden(exported: Path) -> dict[str, Any]:
    return dict(files.read_json(exported / "golden.json"))


def test_one_row_and_many_get_the_answers_of_the_service(client: ModuleType, url: str, golden: dict[str, Any]) -> None:
    assert client.predict(golden["rows"], url) == golden["answers"]
    assert client.predict(golden["rows"][0], url) == golden["answers"][0]
    moment = datetime.fromisoformat(golden["rows"][0]["sent"])
    assert client.predict({**golden["rows"][0], "sent": moment}, url) == golden["answers"][0]


def test_reasons_come_with_the_answer(client: ModuleType, url: str, golden: dict[str, Any]) -> None:
    one, several = client.explain(golden["rows"][0], url), client.explain(golden["rows"][:2], url)
    assert [one, several[0]] == [{**golden["answers"][0], "base": one["base"], "reasons": one["reasons"]}] * 2
    total = one["base"] + sum(reason["contribution"] for reason in one["reasons"])
    assert total == pytest.approx(golden["answers"][0]["probability"])
    with pytest.raises(client.PredictionError, match="weight") as refused:
        client.explain({**golden["rows"][0], "weight": -1}, url)
    assert refused.value.status == 422


def test_a_refusal_has_row_field_and_reason(client: ModuleType, url: str, golden: dict[str, Any]) -> None:
    with pytest.raises(client.PredictionError) as refused:
        client.predict([golden["rows"][0], {**golden["rows"][1], "weight": -1}], url)
    assert refused.value.status == 422
    assert (refused.value.details[0]["row"], refused.value.details[0]["field"]) == (1, "weight")
    assert "row 1, weight: Input should be greater than or equal to 0" in str(refused.value)


def test_a_client_of_another_contract_says_both_versions(
    client: ModuleType, url: str, golden: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CONTRACT", "0123456789ab")
    own = version(contracts.example())
    with pytest.warns(UserWarning, match=f"generated for contract 0123456789ab, and {url} has contract {own}"):
        assert client.predict(golden["rows"][0], url) == golden["answers"][0]
    with pytest.raises(client.PredictionError, match=f"contract 0123456789ab, and this service has contract {own}"):
        client.predict({**golden["rows"][0], "weight": -1}, url)


def test_a_service_that_does_not_answer_and_an_address_that_is_none_are_errors(client: ModuleType) -> None:
    with pytest.raises(client.PredictionError, match="does not answer"):
        client.predict([], f"http://127.0.0.1:{smoke.free_port()}")
    with pytest.raises(ValueError, match="file:///etc: not a URL"):
        client.predict([], "file:///etc")


CHECKED = """
from client import Answer, Explanation, Row, explain, predict
row: Row = {"x": 1.5, "été\\\\": 'a"b', "class": "2020-01-01"}
answer: Answer = predict(row)
answers: list[Answer] = predict([row, row])
probability: float = answer["probability"]
explained: Explanation = explain(row)
shares: list[float] = [reason["contribution"] for each in explain([row]) for reason in each["reasons"]]
probability = explained["probability"] + explained["base"]
"""
MISTAKES = """
from client import Row, predict
a: Row = {"x": 1.5, "été\\\\": "other", "class": "2020-01-01"}
b: Row = {"x": 1.5, "class": "2020-01-01"}
c: Row = {"x": [], "été\\\\": 'a"b', "class": "2020-01-01"}
d: Row = {"x": 1, "été\\\\": 'a"b', "class": "2020-01-01", "nothing": 1}
predict(b)["probabilities"]
"""


def test_type_checkers_accept_rows_of_the_contract_and_no_others(tmp_path: Path) -> None:
    load(contracts.contract(ODD), tmp_path)
    (tmp_path / "right.py").write_text(CHECKED, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(MISTAKES, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "cache"]
    run = subprocess.run([*command, "client.py", "right.py", "wrong.py"], cwd=tmp_path, capture_output=True, text=True)
    lines = [line.partition(": error")[0] for line in run.stdout.splitlines() if ": error" in line]
    assert sorted(set(lines)) == [f"wrong.py:{number}" for number in (3, 4, 5, 6, 7)], run.stdout


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_the_module_of_every_contract_can_be_imported(task: str, tmp_path: Path) -> None:
    module = load(contracts.wide(task, key=["plain"]), tmp_path)
    assert {*module.Row.__annotations__} >= {"2nd.flag", "été", "plain", "count of things"}
    assert module.Row.__optional_keys__ >= {"plain", "gaps"}
    assert "prediction" in module.Answer.__annotations__
    assert module._time(date(2020, 1, 1)) == "2020-01-01"


def test_the_command_writes_a_package_of_its_own(tmp_path: Path) -> None:
    result = CliRunner().invoke(python_client.main, [str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    package = {"src/example/client/__init__.py", "src/example/client/py.typed"}
    assert written == {"pyproject.toml", *package}
    facts = tomllib.loads((tmp_path / "out/pyproject.toml").read_text(encoding="utf-8"))
    assert facts["project"]["dependencies"] == []
    assert facts["project"]["version"] == f"0+contract.{version(contracts.example())}"
