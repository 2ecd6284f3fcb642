"""Predictions are collected once, joined with outcomes by a stated rule, and measured by period."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models, prediction_logs
from helpers.prediction_logs import line, log_of, scored, write
from sklearn.metrics import roc_auc_score
from starlette.testclient import TestClient

from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Monitor, Params
from mlgitops.monitoring import collect, log_reader, outcomes, performance, production_report, variation
from mlgitops.monitoring.estimate import calibrated
from mlgitops.monitoring.place import Place
from mlgitops.monitoring.production import Production, Value
from mlgitops.serving import bento
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits
from mlgitops.serving.log_settings import LogSettings

CONTRACT = contracts.contract({"flight": "{type: text}", "age": "{type: integer}"}, key=["flight"])
MAY = datetime(2024, 5, 6, 12, tzinfo=UTC)  # a Monday


def rows_of(place: Place) -> pd.DataFrame:
    return pd.concat([table.to_pandas() for table in place.tables()], ignore_index=True)


def test_closed_files_become_partitions_and_are_removed(tmp_path: Path) -> None:
    folder, place = tmp_path / "log", Place(str(tmp_path / "kept"))
    write(folder / "a.jsonl", line("a", MAY, 0.25), line("b", MAY + timedelta(days=1), 0.5, 0.75, batch=True))
    result = collect.collect(folder, place)
    assert (result.files, result.rows, result.skipped) == (1, 3, 0)
    assert list(folder.iterdir()) == []
    parts = sorted(path.parent.relative_to(tmp_path).as_posix() for path in (tmp_path / "kept").rglob("*.parquet"))
    assert parts == ["kept/date=2024-05-06/version=3", "kept/date=2024-05-07/version=3"]
    rows = rows_of(place)
    assert rows["id"].tolist() == ["a", "b/0", "b/1"]
    assert rows["probability"].tolist() == [0.25, 0.5, 0.75]
    assert rows["prediction"].tolist() == ["false", "true", "true"]
    assert rows["at"][0] == pd.Timestamp(MAY)


def test_collecting_the_same_content_again_changes_nothing(tmp_path: Path) -> None:
    folder, place = tmp_path / "log", Place(str(tmp_path / "kept"))
    for name in ("a.jsonl", "copy under another name.jsonl"):
        write(folder / name, line("a", MAY, 0.25))
    for _ in range(2):
        collect.collect(folder, place, keep=True)
    assert len(rows_of(place)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        b'{"id":"half',
        b'{"id":"half"\n',
        b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"id":"x","at":1}\n',
        b'{"id":"x","at":"yesterday","answers":[{}]}\n',
        b'{"id":"x","at":NaN,"answers":[{}]}\n',
        b'{"id":"x","at":1e300,"answers":[{}]}\n',
        b'{"id":"x","at":1,"answers":[{}],"keys":["a","b"]}\n',
        b'{"id":"x","at":1,"answers":[{}],"rows":{"age":[1]}}\n',
        b'{"id":"x","at":1,"answers":[{}],"refused":["age"]}\n',
    ],
)
def test_a_line_that_cannot_be_read_is_skipped_and_counted(tmp_path: Path, broken: bytes) -> None:
    folder, place = tmp_path / "log", Place(str(tmp_path / "kept"))
    lines = [line("a", MAY, 0.25), line("b", MAY, 0.5)]
    write(folder / "a.jsonl", *lines, *([broken] if not broken.endswith(b"\n") else [broken, line("c", MAY, 0.5)]))
    result = collect.collect(folder, place)
    assert (result.rows, result.skipped) == (3 if broken.endswith(b"\n") else 2, 1)


def test_lines_without_the_line_that_names_the_model_are_counted_and_their_file_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b'{"log":1,"ver\n' + json.dumps(line("a", MAY, 0.5)).encode() + b"\n")
    result = collect.collect(folder, Place(str(tmp_path / "kept")))
    assert (result.rows, result.skipped) == (0, 1)
    assert (folder / "a.jsonl").is_file()


def test_files_that_were_joined_are_read_by_the_first_line_of_each(tmp_path: Path) -> None:
    folder, place = tmp_path / "log", Place(str(tmp_path / "kept"))
    first = write(folder / "a", line("a", MAY, 0.25)).read_bytes()
    number = {"prediction": "number", "classes": [], "columns": {"age": "integer"}, "version": "4"}
    second = write(folder / "b", {**line("b", MAY), "answers": [{"prediction": 7.5}], "rows": {"age": [3]}}, **number)
    (folder / "c.jsonl").write_bytes(first + second.read_bytes())
    assert collect.collect(folder, place).rows == 2
    old, new = (table.to_pandas() for table in place.tables())
    assert old["prediction"].tolist() == ["false"]
    assert (new["prediction"].tolist(), new["input.age"].tolist()) == ([7.5], [3.0])


def test_a_value_of_another_type_than_the_contract_of_its_file_says_is_left_out(tmp_path: Path) -> None:
    folder, place = tmp_path / "log", Place(str(tmp_path / "kept"))
    rows = {"age": [3, "old"], "city": ["Bern", 5], "ok": [True, "yes"]}
    types = {"columns": {"age": "integer", "city": "category", "ok": "boolean"}}
    write(folder / "a.jsonl", {**line("a", MAY, 0.2, 0.3, batch=True), "rows": rows}, **types)
    assert collect.collect(folder, place).skipped == 0
    table = rows_of(place)
    assert table["input.age"].isna().tolist() == [False, True]
    assert table["input.city"].tolist() == ["Bern", "5"]
    assert table["input.ok"].tolist() == [True, None]


def test_what_the_service_logs_is_what_is_collected(tmp_path: Path) -> None:
    exported = models.exported(CONTRACT, tmp_path)
    api = Api()
    bento.start(api, exported, Limits(), LogSettings(folder=str(tmp_path / "log"), columns=("age",), key="k", rows=100))
    client = TestClient(api)
    one = client.post("/predict", json={"age": 1, "flight": "LX 1"})
    many = client.post("/predict", json=[{"age": k} for k in range(150)])
    assert client.post("/predict", json={"age": "x"}).status_code == 422
    api._log.close()
    place = Place(str(tmp_path / "kept"))
    assert collect.collect(tmp_path / "log", place).skipped == 0
    rows = rows_of(place)
    assert rows["refused"].dropna().tolist() == ["age"]
    answered = rows[rows["refused"].isna()].set_index("id")
    assert answered["probability"][one.headers["x-prediction-id"]] == one.json()["probability"]
    assert answered["key"].notna().sum() == 1
    name = many.headers["x-prediction-id"]
    assert [answered["probability"][f"{name}/{k}"] for k in (0, 74, 148)] == [
        many.json()[k]["probability"] for k in (0, 74, 148)
    ]
    assert answered["input.age"][f"{name}/74"] == 74


def test_old_days_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder, kept = tmp_path / "log", tmp_path / "kept"
    write(folder / "a.jsonl", line("a", MAY, 0.25), line("b", MAY + timedelta(days=9), 0.5))
    collect.collect(folder, Place(str(kept)))
    for name in ("date=never", "mine"):
        (kept / name).mkdir()
    assert Place(str(kept)).remove_before((MAY + timedelta(days=5)).date()) == 1
    assert sorted(path.name for path in kept.iterdir()) == ["date=2024-05-15", "date=never", "mine"]


def test_a_missing_log_is_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(collect.main, [str(tmp_path / "nowhere")])
    assert isinstance(done.exception, ProjectError | SystemExit)
    assert "SCORING_LOG" in done.output


def table(tmp_path: Path, rows: list[dict[str, Any]], kind: str = "csv") -> Path:
    frame, path = pd.DataFrame(rows), tmp_path / f"outcomes.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


PREDICTIONS = pd.DataFrame({"id": ["a", "b", "c"], "key": None, "at": pd.Timestamp(MAY)})


@pytest.mark.parametrize(
    ("rows", "rule", "expected", "counts"),
    [
        ([("a", "true"), ("b", "false")], "last", [1, 0, None], {}),
        ([("a", "true"), ("z", "false")], "last", [1, None, None], {"unknown": 1}),
        ([("a", "true"), ("a", "true")], "last", [1, None, None], {"repeated": 1}),
        ([("a", "true"), ("a", "false")], "last", [0, None, None], {"contradictory": 1}),
        ([("a", "true"), ("a", "false")], "first", [1, None, None], {"contradictory": 1}),
        ([("a", "true"), ("a", "false"), ("a", "false")], "first", [1, None, None], {"contradictory": 2}),
        ([("a", ""), ("b", "maybe"), ("c", "1")], "last", [None, None, 1], {"without_value": 1, "invalid": 1}),
        ([("a", ""), ("a", "true")], "first", [1, None, None], {"without_value": 1}),
        ([(" a ", "TRUE"), ("", "true")], "last", [1, None, None], {"without_value": 1}),
    ],
)
def test_outcomes_are_joined_by_a_stated_rule_and_counted(
    tmp_path: Path, rows: list[tuple[str, str]], rule: Any, expected: list[Any], counts: dict[str, int]
) -> None:
    source = table(tmp_path, [{"prediction_id": name, "y": value} for name, value in rows])
    joined, counted = outcomes.join(PREDICTIONS, outcomes.read(source, CONTRACT, rule))
    assert [None if np.isnan(value) else value for value in joined["actual"]] == expected
    full = {"without_value": 0, "invalid": 0, "repeated": 0, "contradictory": 0, "unknown": 0} | counts
    assert counted == outcomes.OutcomeCounts(rows=len(rows), rule=rule, **full)


def test_the_time_of_an_outcome_decides_which_is_the_last(tmp_path: Path) -> None:
    rows = [{"id": "a", "actual": "true", "at": "2024-06-02"}, {"id": "a", "actual": "false", "at": "2024-06-01"}]
    joined, _ = outcomes.join(PREDICTIONS, outcomes.read(table(tmp_path, rows, "parquet"), CONTRACT, "last"))
    assert joined["actual"][0] == 1


def test_outcomes_by_key_are_hashed_as_the_service_hashes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_LOG_KEY", "k")
    source = table(tmp_path, [{"flight": "LX 1", "y": "true"}, {"flight": "LX 2", "y": "false"}])
    known = outcomes.read(source, CONTRACT, "last")
    predictions = PREDICTIONS.assign(key=[known.table["key"][0], known.table["key"][0], None])
    joined, counts = outcomes.join(predictions, known)
    assert joined["actual"].fillna(-1).tolist() == [1, 1, -1]
    assert counts.unknown == 1
    monkeypatch.delenv("SCORING_LOG_KEY")
    with pytest.raises(ProjectError, match="SCORING_LOG_KEY"):
        outcomes.read(source, CONTRACT, "last")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prediction_id": "a", "outcome": 1}], "no column 'actual' or 'y'"),
        ([{"name": "a", "y": 1}], "no column 'prediction_id', or the key columns flight"),
    ],
)
def test_a_table_of_outcomes_without_its_columns_is_refused(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ProjectError, match=message):
        outcomes.read(table(tmp_path, rows), CONTRACT, "last")


def test_an_id_that_a_caller_repeated_counts_once(tmp_path: Path) -> None:
    same = pd.DataFrame({"id": ["a", "a", "b"], "at": [3, 1, 2], "refused": None, "n": [1, 2, 3]})
    for rule, kept in (("first", [2, 3]), ("last", [3, 1])):
        rows, repeated = outcomes.unique_ids([same], rule)  # type: ignore[arg-type]
        assert (rows["n"].tolist(), repeated) == (kept, 1)


def params(**monitor: Any) -> Params:
    settings = {"max_psi": 0.2, **monitor}
    return contracts.PARAMS.model_copy(update={"monitor": Monitor.model_validate(settings)})


def produced(
    tmp_path: Path,
    weeks: list[float],
    settings: Params,
    now: datetime | None = None,
    labelled: float = 1.0,
    references: dict[str, variation.Reference] | None = None,
) -> Production:
    """Return the report on weeks of predictions whose outcomes the model explains by these shares."""
    place, folder, known = Place(str(tmp_path / "kept")), tmp_path / "log", []
    for week, signal in enumerate(weeks):
        rows = scored(MAY + timedelta(weeks=week), 1500, signal, seed=week)
        log_of(folder / f"{week}.jsonl", rows)
        known.append(rows.sample(frac=labelled, random_state=0))
    collect.collect(folder, place)
    everything = pd.concat(known)
    everything.assign(at=everything["at"] + timedelta(days=2)).to_csv(tmp_path / "outcomes.csv", index=False)
    read = outcomes.read(tmp_path / "outcomes.csv", CONTRACT, "last")
    logged = production_report.read_predictions(place, datetime(2024, 1, 1, tzinfo=UTC))
    return production_report.report(
        CONTRACT, settings, logged, read, now or MAY + timedelta(weeks=52), references or {}
    )


GOOD, BAD = 0.8, 0.2  # roc_auc of 0.75, as evaluated, and 0.56


def test_each_period_has_the_metric_its_interval_and_what_it_was(tmp_path: Path) -> None:
    report = produced(tmp_path, [GOOD, BAD], params(), labelled=0.5)
    first, second = report.periods
    rows = scored(MAY, 1500, GOOD, 0).sample(frac=0.5, random_state=0)
    assert first.score.value == pytest.approx(roc_auc_score(rows["actual"], rows["probability"]), abs=1e-9)
    assert (first.score.low or 1) < first.score.value < (first.score.high or 0)
    assert (first.start, first.rows, first.labelled, first.labelled_share) == ("2024-05-06", 1500, 750, 0.5)
    assert (first.label_delay_days, first.evaluated) == (2.0, 0.75)
    assert (first.verdict, second.verdict) == ("as evaluated", "worse")
    assert report.outcomes.rows == 1500


@pytest.mark.parametrize(
    ("weeks", "alarm"),
    [
        ([GOOD, GOOD, GOOD], False),
        ([GOOD, GOOD, BAD], False),
        ([GOOD, BAD, BAD], True),
        ([BAD, GOOD, BAD], True),
        ([BAD, BAD, GOOD, GOOD, GOOD], False),
        ([BAD], False),
    ],
)
def test_it_is_an_alarm_if_enough_of_the_latest_periods_are_worse(
    tmp_path: Path, weeks: list[float], alarm: bool
) -> None:
    assert bool(produced(tmp_path, weeks, params()).reasons) is alarm


@pytest.mark.parametrize("newest", ["3", "4"])
def test_a_log_of_another_contract_is_counted_by_its_own_version_and_never_measured_by_this_one(
    tmp_path: Path, newest: str
) -> None:
    """The version before had three classes; whether it answered first or last, the present one is measured."""
    own, other = (MAY, MAY + timedelta(weeks=1)) if newest == "4" else (MAY + timedelta(weeks=1), MAY)
    rows = scored(own, 1500, GOOD)
    log_of(tmp_path / "log/own.jsonl", rows)
    share = {"low": 0.2, "mid": 0.3, "high": 0.5}
    answer = {"prediction": "high", "probabilities": share}
    old: list[dict[str, Any]] = [{"id": f"o{n}", "at": other.timestamp(), "answers": [answer]} for n in range(300)]
    facts = {"classes": list(share), "prediction": "string", "model": "b" * 64, "version": "4", "contract": "d" * 64}
    write(tmp_path / "log/other.jsonl", *old, **facts, metrics={"f1_macro": 0.6, "rows": 900})
    place = Place(str(tmp_path / "kept"))
    collect.collect(tmp_path / "log", place)
    known = pd.concat([rows[["id", "actual"]], pd.DataFrame({"id": [f"o{n}" for n in range(300)], "actual": True})])
    known.to_csv(tmp_path / "outcomes.csv", index=False)
    read = outcomes.read(tmp_path / "outcomes.csv", CONTRACT, "last")
    logged = production_report.read_predictions(place, MAY)
    report = production_report.report(CONTRACT, params(), logged, read, MAY + timedelta(weeks=9), {})
    by_version = {period.version: period for period in report.periods}
    assert (by_version["3"].verdict, by_version["3"].rows) == ("as evaluated", 1500)
    assert (by_version["4"].rows, by_version["4"].labelled, by_version["4"].score) == (300, 0, Value())
    assert report.version == newest


def test_a_clock_that_was_wrong_changes_neither_the_version_in_question_nor_the_alarm(tmp_path: Path) -> None:
    """Version 2 answered "next year", then the clock was set right, and version 3 answers."""
    future = MAY + timedelta(weeks=60)
    write(tmp_path / "log/future.jsonl", *[line(f"f{n}", future, 0.5) for n in range(300)], version="2", model="b" * 64)
    report = produced(tmp_path, [BAD, BAD], params(), now=MAY + timedelta(weeks=9))
    assert (report.version, bool(report.reasons)) == ("3", True)
    assert report.periods[-1].verdict == "too recent"


@pytest.mark.parametrize("content", [b"", b"PAR1 but then the disk was full", None])
def test_a_damaged_or_foreign_file_among_the_predictions_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    place = Place(str(tmp_path / "kept"))
    write(tmp_path / "log/a.jsonl", line("a", MAY, 0.5))
    collect.collect(tmp_path / "log", place)
    path = tmp_path / "kept/date=2024-05-06/version=3/other.parquet"
    if content is None:
        pd.DataFrame({"id": [1]}).to_parquet(path)
    else:
        path.write_bytes(content)
    with pytest.raises(ProjectError, match=r"other\.parquet: (cannot be read|not a file of `collect`)"):
        production_report.read_predictions(place, MAY)


def test_a_drop_within_the_limit_or_within_noise_is_none(tmp_path: Path) -> None:
    assert produced(tmp_path / "a", [BAD, BAD], params(max_drop=0.3)).reasons == ()
    few = produced(tmp_path / "b", [BAD, BAD], params(min_rows=2), labelled=0.006)
    assert {period.verdict for period in few.periods} == {"as evaluated"}


def test_a_period_that_differs_as_those_of_the_reference_do_is_not_worse(tmp_path: Path) -> None:
    contract = contracts.contract({"at": "{type: datetime}", "age": "{type: integer}"}, time="at")
    weeks = [scored(MAY + timedelta(weeks=k), 400, signal, seed=k) for k, signal in enumerate([0.95, 0.5] * 4)]
    rows = pd.concat(weeks, ignore_index=True)
    rows = rows.assign(at=rows["at"].dt.tz_localize(None), y=rows["actual"].astype("boolean"))
    values = np.column_stack([1 - rows["probability"], rows["probability"]])
    spread = variation.spread(contract, rows, values, params().monitor)
    assert 0.05 < spread < 0.2
    assert variation.spread(contract, rows[:800], values[:800], params().monitor) == 0  # two periods say nothing
    assert produced(tmp_path / "a", [0.5, 0.5], params()).reasons
    references = {"a" * 64: variation.Reference(None, spread)}
    assert not produced(tmp_path / "b", [0.5, 0.5], params(), references=references).reasons


def test_periods_that_are_young_or_have_few_outcomes_do_not_decide(tmp_path: Path) -> None:
    young = produced(tmp_path / "a", [BAD, BAD], params(label_delay_days=30), now=MAY + timedelta(days=20))
    few = produced(tmp_path / "b", [BAD, BAD], params(min_rows=2000))
    assert {period.verdict for period in young.periods} == {"too recent"}
    assert {period.verdict for period in few.periods} == {"too few outcomes"}
    assert young.reasons == few.reasons == ()


def test_the_alarm_is_about_the_version_that_answers_now(tmp_path: Path) -> None:
    place, rows = Place(str(tmp_path / "kept")), []
    for week, model in enumerate("aaab"):
        rows.append(scored(MAY + timedelta(weeks=week), 1500, BAD, seed=week))
        log_of(tmp_path / "log" / f"{week}.jsonl", rows[-1], model=model * 64, version=model)
    collect.collect(tmp_path / "log", place)
    pd.concat(rows)[["id", "actual"]].to_csv(tmp_path / "outcomes.csv", index=False)
    known = outcomes.read(tmp_path / "outcomes.csv", CONTRACT, "last")
    logged = production_report.read_predictions(place, datetime(2024, 1, 1, tzinfo=UTC))
    report = production_report.report(CONTRACT, params(), logged, known, MAY + timedelta(weeks=9), {})
    assert (report.version, report.reasons) == ("b", ())
    assert [period.verdict for period in report.periods] == ["worse"] * 4


def test_requests_of_before_do_not_hide_that_all_are_refused_now(tmp_path: Path) -> None:
    start = MAY - timedelta(days=100)
    for day in range(100):  # of version 3, which refused nothing
        log_of(tmp_path / f"log/{day}.jsonl", scored(start + timedelta(days=day), 50, 0.9, day))
    lines: list[dict[str, Any]] = [{"id": f"r{n}", "at": MAY.timestamp(), "refused": ["age"]} for n in range(9)]
    write(tmp_path / "log/new.jsonl", *lines, line("ok", MAY, 0.5), version="4", model="b" * 64)
    place = Place(str(tmp_path / "kept"))
    collect.collect(tmp_path / "log", place)
    logged = production_report.read_predictions(place, start)
    report = production_report.report(CONTRACT, params(), logged, None, MAY, {})
    assert (report.version, report.refused, report.refused_share) == ("4", 9, 0.9)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_measured_too(task: str) -> None:
    contract, random = contracts.contract({"age": "{type: integer}"}, task), np.random.default_rng(0)
    rows = pd.DataFrame({"actual": random.integers(0, 3, 300).astype(float), "prediction": random.normal(size=300)})
    for k, label in enumerate(contract.classes):
        rows[f"probability {label}"] = np.where(rows["actual"] == k, 0.6, 0.2)
    score, error, values = performance.measured(contract, rows, 0.5, params())
    assert score.value == (1.0 if task == "multiclass" else pytest.approx(values["r2"]))
    assert (score.low or 9) <= (score.value or 0)
    assert error >= 0


def test_logged_columns_give_slices(tmp_path: Path) -> None:
    contract = contracts.contract({"city": "{type: category, categories: [Bern, Graz]}"})
    rows = scored(MAY, 1000, GOOD)
    rows["input.city"] = np.where(rows.index % 2 == 0, "Bern", "Graz")
    rows["actual"] = rows["actual"].astype(float)
    header = log_reader.Header.model_validate(prediction_logs.HEADER)
    found = list(performance.slices(contract, rows, header, params()))
    assert [(each.column, each.value, each.rows) for each in found] == [("city", "Bern", 500), ("city", "Graz", 500)]


def test_the_estimate_needs_no_outcomes_and_is_close_where_the_target_did_not_change() -> None:
    reference, new = scored(MAY, 6000, GOOD, 1), scored(MAY, 6000, GOOD, 2)
    both = [np.column_stack([1 - t["probability"], t["probability"]]) for t in (reference, new)]
    estimate = calibrated(CONTRACT, reference["actual"].to_numpy().astype(int), both[0], 0.5)
    assert estimate is not None
    assert estimate(both[1]) == pytest.approx(roc_auc_score(new["actual"], new["probability"]), abs=0.02)
    assert calibrated(contracts.contract({"a": "{type: number}"}, "regression"), np.ones(3), np.ones(3), 0.5) is None


def test_the_command_writes_a_report_a_page_and_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.write_project(tmp_path, CONTRACT, params(keep_days=None))
    monkeypatch.chdir(tmp_path)
    log_of(Path("log/a.jsonl"), scored(MAY, 1500, BAD), version='3"<b>')
    assert CliRunner().invoke(collect.main, ["log"]).exit_code == 0
    scored(MAY, 1500, BAD)[["id", "actual"]].to_csv("outcomes.csv", index=False)
    done = CliRunner().invoke(production_report.main, ["outcomes.csv", "--until", "2024-06-01"])
    assert done.exit_code == 0, done.output
    assert "worse" in done.output
    report = Production.load(Path("reports/production.json"))
    assert report.periods[0].labelled == 1500
    page = Path("reports/production.html").read_text(encoding="utf-8")
    assert "3&#34;&lt;b&gt;" in page
    for table in re.findall(r'(?s)<table class="stacked">.+?</table>', page):  # on a phone, each cell has its heading
        heads = re.findall(r"<th(?: class=\"number\")?>(.*?)</th>", table)
        labels = re.findall(r'<td data-label="(.*?)"', table)
        assert labels[: len(heads)] == heads
        assert len(labels) == table.count("<td")
    metrics = Path("reports/production.prom").read_text(encoding="utf-8")
    assert 'production_score{version="3\\"<b>",metric="roc_auc",period="2024-05-06"} 0.' in metrics
    checked = CliRunner().invoke(production_report.main, ["--until", "2024-06-01"])
    assert checked.exit_code == 0, checked.output
    assert Production.load(Path("reports/production.json")).periods[0].verdict == "too few outcomes"


def test_without_predictions_the_command_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.write_project(tmp_path, CONTRACT)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(production_report.main, [])
    assert done.exit_code == 1
    assert "SCORING_LOG" in done.output


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ProjectError, match="not a folder or a bucket"):
        Place("ftp://somewhere")


def test_predictions_of_a_killed_service_are_collected(tmp_path: Path) -> None:
    path = write(tmp_path / "log" / "a.jsonl.open", line("a", MAY, 0.25), b'{"id":"b","at":')
    assert collect.collect(path.parent, Place(str(tmp_path / "kept"))) == collect.Collected(1, 1, 1)
    assert list(path.parent.iterdir()) == []
