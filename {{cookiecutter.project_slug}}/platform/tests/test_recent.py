"""The newest labelled rows: of production where its log has the inputs, else of the data; none learned from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models
from helpers.prediction_logs import line, write
from helpers.reviews import VALID, contract, data, export, params

from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Monitor, Params
from mlgitops.monitoring import collect, labelled, outcomes
from mlgitops.monitoring.place import Place
from mlgitops.review import recent
from mlgitops.review.build import build
from mlgitops.review.inputs import Context
from mlgitops.review.report import Report

MAY = datetime(2024, 5, 6, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the current folder be a project of its own."""
    monkeypatch.chdir(models.touch_package(tmp_path))


def settings(setting: int | str | None, place: Path, **gates: Any) -> Params:
    base = params(**{"max_drop": None, "max_recent_drop": 0.005, **gates})
    review = base.review.model_copy(update={"recent": setting})
    monitor = Monitor.model_validate({"max_psi": 0.2, "min_rows": 50, "predictions": str(place)})
    return base.model_copy(update={"review": review, "monitor": monitor})


def timed(count: int = 900, days: int = 90) -> tuple[Contract, pd.DataFrame]:
    """Return a contract with a time, and rows of that many days."""
    declared = contract("binary", ["a"], {"when": {"type": "datetime"}})
    rows = data("binary", ["a"], count=count)
    rows["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count) * days / count, unit="D")
    return Contract.model_validate({**declared.model_dump(exclude_defaults=True), "time": "when"}), rows


@pytest.mark.parametrize(
    ("setting", "kept"), [(3, [7, 8, 9]), ("2d", [8, 9]), ("90d", list(range(10))), (99, list(range(10)))]
)
def test_the_newest_rows_are_a_number_of_them_or_those_of_the_last_days(setting: int | str, kept: list[int]) -> None:
    table = pd.DataFrame({"n": range(10), "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(range(10), unit="D")})
    chosen = recent.newest(table.sample(frac=1, random_state=1), "when", setting)
    assert sorted(chosen["n"]) == kept


def reviewed(tmp_path: Path, noise: float, setting: int | str | None, **gates: Any) -> Report:
    """Review a model that is worse by *noise* than the champion on the newest rows of a test part."""
    declared, rows = timed()
    limits = settings(setting, tmp_path / "nothing", **gates)
    newest = recent.rows(declared, limits, None, rows)
    best, candidate = export(tmp_path / "best", declared, 0.0), export(tmp_path / "candidate", declared, noise)
    return build(candidate, best, rows, limits, VALID, None, Context(recent=newest))


@pytest.mark.parametrize(
    ("noise", "setting", "passed", "rows"),
    [
        (2.0, "28d", False, 280),
        (2.0, 300, False, 300),
        (0.0, "28d", True, 280),
        (2.0, 20, None, 20),
        (2.0, None, None, 0),
    ],
)
def test_a_model_that_is_worse_on_the_newest_rows_is_refused_if_there_are_enough(
    tmp_path: Path, noise: float, setting: int | str | None, passed: bool | None, rows: int
) -> None:
    report = reviewed(tmp_path, noise, setting)
    (gate,) = (gate for gate in report.gates if gate.name == "max_recent_drop")
    assert (gate.passed, report.accepted) == (passed, passed is not False)
    assert (report.evidence.recent.rows if report.evidence.recent else 0) == rows
    assert ("newest rows of the data: " in report.outcome) == bool(rows)


def test_few_newest_rows_make_no_other_gate_easier(tmp_path: Path) -> None:
    assert reviewed(tmp_path, 2.0, 20, max_drop=0.005).refused_by == ("max_drop",)


def test_without_a_time_and_without_a_log_nothing_says_what_is_new(tmp_path: Path) -> None:
    rows = data("binary", ["a"])
    assert recent.rows(contract("binary", ["a"]), settings("28d", tmp_path), None, rows) is None


# The log of production


LOGGED = contracts.contract({"age": "{type: integer}", "city": "{type: category}"})
HEADER = {"columns": {"age": "integer", "city": "category"}}


def produced(folder: Path, *days: int, header: dict[str, Any] | None = None, ages: int = 0) -> Place:
    """Collect one prediction a day, of a caller of an age, in a log with these columns."""
    columns = (header or HEADER)["columns"]
    values: dict[str, Any] = {"age": 0, "city": "Bern"}
    lines = [
        line(f"p{day}", MAY + timedelta(days=day), 0.6, rows={n: [{**values, "age": ages + day}[n]] for n in columns})
        for day in days
    ]
    write(folder / "log" / f"{min(days)}.jsonl", *lines, **(header or HEADER))
    place = Place(str(folder / "kept"))
    collect.collect(folder / "log", place)
    return place


def keep(place: Place, contract: Contract, **actual: Any) -> None:
    path = Path("outcomes.csv")
    pd.DataFrame({"id": list(actual), "y": list(actual.values())}).to_csv(path, index=False)
    labelled.keep(place, outcomes.read(path, contract, "last"), contract)


def test_rows_of_production_have_inputs_and_outcome_with_the_types_of_the_contract(tmp_path: Path) -> None:
    place = produced(tmp_path, 0, 1, 2)
    assert len(labelled.labelled(place, LOGGED)) == 0  # nothing came true yet
    keep(place, LOGGED, p0="true", p2="false", other="true")
    rows = labelled.labelled(place, LOGGED)
    assert rows["log.id"].tolist() == ["p0", "p2"]
    assert (rows["age"].tolist(), rows["city"].tolist(), rows["y"].tolist()) == (
        [0.0, 2.0],
        ["Bern"] * 2,
        [True, False],
    )
    assert rows["y"].dtype == "boolean"


def test_a_log_without_one_of_the_inputs_gives_no_row(tmp_path: Path) -> None:
    produced(tmp_path, 0, header={"columns": {"age": "integer"}, "contract": "d" * 64})
    place = produced(tmp_path, 1)
    keep(place, LOGGED, p0="true", p1="true")
    assert labelled.labelled(place, LOGGED)["log.id"].tolist() == ["p1"]


def test_outcomes_of_other_classes_are_not_mixed_up(tmp_path: Path) -> None:
    place = produced(tmp_path, 0)
    keep(place, LOGGED, p0="true")
    others = contracts.contract({"age": "{type: integer}", "city": "{type: category}"}, "multiclass")
    assert labelled.kept(place, others) is None


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outcomes_of_each_task_become_values_of_the_target(task: str) -> None:
    declared = contracts.contract({"age": "{type: integer}"}, task)
    values = labelled.target(pd.Series([1.0, 0.0]), declared)
    expected = {"binary": [True, False], "multiclass": ["mid", "low"], "regression": [1.0, 0.0]}[task]
    assert values.tolist() == expected


def test_rows_that_the_candidate_learned_from_are_left_out_by_their_inputs(tmp_path: Path) -> None:
    place = produced(tmp_path, *range(120))
    keep(place, LOGGED, **{f"p{day}": "true" for day in range(120)})
    train = tmp_path / "train.parquet"
    learned = pd.DataFrame({"age": [float(age) for age in range(30)], "city": pd.Series(["Bern"] * 30, dtype="string")})
    learned.to_parquet(train, index=False)
    chosen = recent.rows(LOGGED, settings(500, tmp_path / "kept"), train, learned)
    assert chosen is not None
    assert (chosen.which, sorted(chosen.rows["age"])) == (recent.PRODUCTION, [float(age) for age in range(30, 120)])


def test_rows_that_the_candidate_learned_from_are_left_out_by_their_time(tmp_path: Path) -> None:
    declared, rows = timed()
    train = tmp_path / "train.parquet"
    rows.iloc[:600].to_parquet(train, index=False)
    assert (~recent._learned(rows, train, declared)).sum() == 300


def test_few_rows_of_production_leave_those_of_the_data(tmp_path: Path) -> None:
    declared, rows = timed()
    place = produced(tmp_path, 0)
    keep(place, LOGGED, p0="true")
    chosen = recent.rows(declared, settings("28d", tmp_path / "kept"), None, rows)
    assert chosen is not None
    assert (chosen.which, len(chosen.rows)) == (recent.DATA, 280)
