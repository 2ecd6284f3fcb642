"""Rows that moved raise the alarm, by name; rows that did not, and chance, raise none."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common import files
from mlgitops.data.distribution import count, distribution, shift
from mlgitops.model.scorer import Scorer
from mlgitops.monitoring import drift, windows

CONTRACT = contracts.contract(
    {
        "age": "{type: integer, min: 0, max: 200}",
        "city": "{type: category, missing: true}",
        "seen": "{type: datetime}",
        "always": "{type: number}",
    }
)


def people(count: int, seed: int = 0) -> pd.DataFrame:
    """Return rows that keep CONTRACT."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.integers(20, 80, count).astype(float),
            "city": random.choice(["Bern", "Graz", "Linz"], count),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 10**6, count), unit="s"),
            "always": 1.0,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model of CONTRACT."""
    return models.exported(CONTRACT, tmp_path_factory.mktemp("model"))


def drifted(folder: Path, recent: pd.DataFrame) -> list[str]:
    """Return the columns of *recent* that differ from others by more than is usual."""
    names = drift.monitor(Scorer(folder), [people(2000, seed=1)], [recent], 0.2).drifted
    return [name for name in names if not name.startswith("the model's")]


def test_the_index_is_that_of_the_textbook() -> None:
    before, after = (pd.Series(["a"] * first + ["b"] * (10**6 - first)) for first in (500_000, 900_000))
    bins = distribution(before)
    found = shift(bins, count(after, bins))
    assert found.psi == pytest.approx(0.4 * np.log(0.9 / 0.5) - 0.4 * np.log(0.1 / 0.5), abs=1e-4)
    assert (found.before, found.after) in ((0.5, 0.9), (0.5, 0.1))


@pytest.mark.parametrize("count", [30, 300, 3000])
def test_chance_is_no_drift(folder: Path, count: int) -> None:
    assert [drifted(folder, people(count, seed)) for seed in range(2, 12)] == [[]] * 10


@pytest.mark.parametrize(
    ("moved", "name"),
    [
        (lambda t: t.assign(age=t["age"] + 40), "age"),
        (lambda t: t.assign(city=t["city"].mask(t.index % 3 == 0, "Wien")), "city"),
        (lambda t: t.assign(city=t["city"].mask(t.index % 3 == 0)), "city"),
        (lambda t: t.assign(always=t["always"].mask(t.index % 2 == 0, 7.0)), "always"),
    ],
    ids=["other numbers", "a new value", "empty cells", "no longer constant"],
)
def test_what_has_moved_is_named(folder: Path, moved: object, name: str) -> None:
    assert callable(moved)
    assert drifted(folder, moved(people(500))) == [name]


@pytest.mark.parametrize("name", ["age", "city"])
@pytest.mark.parametrize("which", ["reference", "recent"])
def test_a_column_that_may_be_missing_is_compared_where_only_one_table_has_it(
    name: str, which: str, tmp_path: Path
) -> None:
    types = {"age": "{type: integer, missing: true}", "city": "{type: category, missing: true}"}
    scorer = Scorer(models.exported(contracts.contract(types), tmp_path))
    tables = {"reference": people(500)[["age", "city"]], "recent": people(500, seed=1)[["age", "city"]]}
    tables[which] = tables[which].drop(columns=name)
    found = drift.monitor(scorer, [tables["reference"]], [tables["recent"]], 0.2)
    assert name in found.drifted


def test_times_move_by_nature(folder: Path) -> None:
    later = people(500).assign(seen=lambda t: t["seen"] + pd.Timedelta(days=400))
    assert drifted(folder, later) == []


def test_answers_are_watched_too(folder: Path) -> None:
    reference, scorer = people(2000), Scorer(folder)
    found = drift.monitor(scorer, [reference], [reference], 0.2)
    assert {one.column for one in found.columns} == {"age", "city", "always", "the model's probability"}
    assert {one.shift.psi for one in found.columns} == {0.0}


def test_rows_that_break_the_contract_are_counted_and_left_out(folder: Path) -> None:
    recent = people(500)
    recent.loc[:9, "age"] = 1e6
    found = drift.monitor(Scorer(folder), [people(2000, seed=1)], [recent], 0.2)
    assert (found.rows, found.refused, found.drifted) == (500, 10, ())


def run(
    tmp_path: Path, folder: Path, recent: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, setting: str = ""
) -> tuple[int, str]:
    """Run the command on *recent* rows in a project of its own; return the exit code, and the output."""
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with Path("params.yaml").open("a") as file:
        file.write(f"  {setting}\n")
    people(2000, seed=1).to_parquet("test.parquet", index=False)
    recent.to_csv("recent.csv", index=False)
    options = ["--model", str(folder), "--reference", "test.parquet"]
    done = CliRunner().invoke(drift.main, ["recent.csv", "reports/drift.json", *options])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.output


def test_categories_that_the_reference_does_not_have_are_an_exit_code_a_page_and_a_report(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, message = run(tmp_path, folder, people(500).assign(city="Wien"), monkeypatch)
    assert code == 1
    assert "city (100.0%)" in message.partition("Error: ")[2]
    assert "others: 0.0%, 100.0%" in message
    report = files.read_json(tmp_path / "reports/drift.json")
    assert report["columns"][0]["column"] == report["drifted"][0] == "city"
    assert json.dumps(report)


def test_rows_as_before_are_no_alarm(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run(tmp_path, folder, people(500), monkeypatch)
    assert (code, "Error" in said) == (0, False)


@pytest.mark.parametrize(("broken", "reason"), [(400, "400 of 500 recent rows break the contract"), (500, "none of")])
def test_rows_that_break_the_contract_are_an_alarm_of_their_own(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, broken: int, reason: str
) -> None:
    recent = people(500)
    recent.loc[: broken - 1, "age"] = 1e6
    code, message = run(tmp_path, folder, recent, monkeypatch)
    assert code == 1
    assert reason in message.partition("Error: ")[2]
    assert "`score` names the reason for each row" in message


def test_a_few_rows_that_break_the_contract_are_none(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = people(500)
    recent.loc[:9, "age"] = 1e6
    code, message = run(tmp_path, folder, recent, monkeypatch)
    assert (code, "10 break the contract (2.0%)" in message) == (0, True)


def test_a_table_without_a_column_is_refused(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run(tmp_path, folder, people(50).drop(columns="age"), monkeypatch)
    assert code == 1
    assert "recent.csv: missing columns that the model needs: age" in said
    assert not (tmp_path / "reports").exists()


def test_drift_explains_and_is_an_alarm_only_if_the_project_asks_for_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = people(500).assign(age=lambda t: t["age"] + 40)
    code, message = run(tmp_path, folder, older, monkeypatch)
    assert (code, "Error" in message) == (0, False)
    assert files.read_json(tmp_path / "reports/drift.json")["drifted"][0] == "age"
    with contextlib.chdir(contracts.EXAMPLE):
        code, message = run(tmp_path, folder, older, monkeypatch, "drift_alarm: true")
    assert code == 1
    assert "age" in message.partition("Error: ")[2]


def test_if_all_rows_break_the_contract_the_report_is_written_all_the_same(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, folder, people(50).assign(age=1e6), monkeypatch)
    report = files.read_json(tmp_path / "reports/drift.json")
    assert (report["rows"], report["refused"], report["columns"]) == (50, 50, [])


def weather(hours: int, seed: int) -> pd.DataFrame:
    """Return ten rows per hour; those of one hour share a temperature, which changes slowly."""
    random = np.random.default_rng(seed)
    hourly = [0.0]
    for change in random.normal(0, 1, hours - 1):
        hourly.append(0.98 * hourly[-1] + change)
    temperature = np.repeat(hourly, 10)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(hours), 10), unit="h")
    return pd.DataFrame({"at": times, "temperature": temperature, "other": random.normal(size=hours * 10)})


@pytest.fixture(scope="module")
def windy(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    columns = {"at": "{type: datetime}", "temperature": "{type: number}", "other": "{type: number}"}
    return Scorer(models.exported(contracts.contract(columns, time="at"), tmp_path_factory.mktemp("windy")))


def test_a_window_of_the_reference_itself_is_no_drift(windy: Scorer) -> None:
    reference = weather(500, seed=1)
    for start in (0, 1700, 4000):
        report = drift.monitor(windy, [reference.sample(frac=1, random_state=0)], [reference[start : start + 700]], 0.2)
        temperature = next(column for column in report.columns if column.column == "temperature")
        assert temperature.shift.psi > max(0.2, temperature.shift.chance)  # what was an alarm before
        assert [name for name in report.drifted if not name.startswith("the model's")] == []


def test_a_larger_change_than_any_window_of_the_reference_is_drift(windy: Scorer) -> None:
    reference = weather(500, seed=1)
    hotter = reference[:700].assign(temperature=lambda t: t["temperature"] + 200)
    report = drift.monitor(windy, [reference], [hotter], 0.2, 0.1)
    assert "temperature" in report.drifted
    assert [column.column for column in report.columns if column.unseen > 0.9] == ["temperature"]
    assert not any(column.strange for column in report.columns)


@pytest.mark.parametrize("rows", [1, 2, 10_000])
def test_any_number_of_recent_rows_is_compared(windy: Scorer, rows: int) -> None:
    report = drift.monitor(windy, [weather(30, seed=1)], [weather(1000, seed=1)[:rows]], 0.2)
    assert report.rows == rows


def test_new_categories_are_usual_where_each_window_of_the_reference_has_new_ones() -> None:
    random, bins = np.random.default_rng(0), 2000
    names = pd.Series([f"plane {n // 4 + random.integers(0, 3)}" for n in range(bins)])
    assert windows.unseen(names[:1000], names[1000:]) > 0.9
    assert windows.usual(names, distribution(names), 200).unseen > 0.9
    cities = pd.Series(random.choice(["Bern", "Graz"], bins))
    assert windows.usual(cities, distribution(cities), 200).unseen == 0


@pytest.mark.parametrize("kind", ["numbers", "categories", "booleans", "empty"])
def test_windows_are_counted_as_the_distribution_counts_them(kind: str) -> None:
    random = np.random.default_rng(1)
    values = {
        "numbers": pd.Series(random.normal(size=400)).mask(random.random(400) < 0.1),
        "categories": pd.Series(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 400)).mask(random.random(400) < 0.1),
        "booleans": pd.Series(random.random(400) < 0.3).astype("boolean").mask(random.random(400) < 0.1),
        "empty": pd.Series(np.full(400, np.nan)),
    }[kind]
    bins = distribution(values)
    starts = np.unique(np.linspace(0, 250, windows.WINDOWS).astype(int))
    pairs = [(pd.concat([values[:k], values[k + 150 :]]), values[k : k + 150]) for k in starts]
    index = [shift(count(rest, bins), count(window, bins)).psi for rest, window in pairs]
    shares = [windows.unseen(rest, window) for rest, window in pairs]
    reached = windows.usual(values, bins, 150)
    assert reached.psi == pytest.approx(max(index), abs=1e-12)
    assert reached.unseen == pytest.approx(max(shares), abs=1e-12)
