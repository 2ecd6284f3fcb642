"""A worse model is refused, an equal one is not, and the pages hold whatever the data holds."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import models
from helpers.reviews import INVALID, VALID, contract, data, export, exported, params, tables

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.behaviour import Behaviour
from mlgitops.contract.params import Gates
from mlgitops.data.distribution import Shift
from mlgitops.data.validation_report import Failure, ValidationReport
from mlgitops.model import bootstrap, metrics
from mlgitops.model.scorer import Scorer, digest
from mlgitops.monitoring.report import ColumnDrift, Drift
from mlgitops.registry import command as registry
from mlgitops.registry.versions import VersionFacts
from mlgitops.review import champion, changes, latency, phrases
from mlgitops.review.build import build
from mlgitops.review.command import main
from mlgitops.review.data_change import ColumnShift, DataChange, PartChange
from mlgitops.review.inputs import Context, RecentRows
from mlgitops.review.pages import html, markdown
from mlgitops.review.performance import Score
from mlgitops.review.report import Report, Source

TASKS = ["binary", "multiclass", "regression"]
EVIL = ["<script>alert(1)</script>", "a|b", "`c` **d** _e_", "@f #1", "[g](http://h.example)", "</table>\\|", "i" * 300]


MOVED = ColumnShift("first", Shift(0.4, 0.1, "above 3", 0.1, 0.3), True, 0.0, 0.0, (), (), ())
PART = PartChange("train", 1801, 1801, None, None, None, (), (MOVED,))
SHIFTED = DataChange("The data changed.", False, None, None, (), (), (), (PART,))
SUM = {"columns": ["first", "second"], "score": 0.9999, "formula": "first + second"}
PAIR = {"columns": ["noise", "third"], "score": 0.9996, "formula": ""}


def primary(report: Report) -> Score:
    return report.evidence.primary


def gates_of(report: Report) -> dict[str, bool | None]:
    return {gate.name: gate.passed for gate in report.gates}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the current folder be a project, which gives the report its name."""
    monkeypatch.chdir(models.touch_package(tmp_path))


Compare = Callable[..., Report]


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def compare(task: str, tmp_path: Path) -> Compare:
    """Return a function that reviews a model that follows noise against another that follows other noise."""

    def compared(noise: float, other: float | None, seed: int = 0, **gates: Any) -> Report:
        declared, folder = contract(task, ["a", "b"]), tmp_path / f"{noise} {other} {seed} {len(gates)}"
        best = None if other is None else export(folder / "old", declared, other, Source("old"))
        new = export(folder / "new", declared, noise)
        return build(new, best, data(task, ["a", "b"], seed), params(**gates), VALID)

    return compared


def test_worse_model_is_refused_by_max_drop_alone(compare: Compare) -> None:
    report = compare(noise=2.0, other=0.0)
    assert (report.accepted, report.refused_by) == (False, ("max_drop",))
    assert primary(report).high < -0.005
    assert primary(report).verdict == "worse"


def test_better_model_is_accepted(compare: Compare) -> None:
    report = compare(noise=0.0, other=2.0)
    assert report.accepted
    assert primary(report).low > 0
    assert primary(report).verdict == "better"


def test_equal_model_is_not_refused_by_noise(compare: Compare) -> None:
    reports = [compare(noise=0.6, other=-0.6, seed=seed) for seed in range(20)]
    assert [report.refused_by for report in reports] == [()] * 20
    assert sum(primary(report).difference < -0.005 for report in reports) > 1  # by the number alone, some were


def test_the_same_model_differs_by_nothing(compare: Compare) -> None:
    performance = compare(noise=0.3, other=0.3).evidence.performance
    assert {(m.score.difference, m.score.low, m.score.high) for m in performance.metrics} == {(0, 0, 0)}
    assert {metric.score.verdict for metric in performance.metrics} == {"same"}
    assert performance.movement.mean_absolute_change == 0
    assert not performance.movement.changed_share


def test_first_model_is_evaluated_by_the_absolute_gates(compare: Compare) -> None:
    report = compare(noise=0.0, other=None)
    assert report.accepted
    assert gates_of(report)["max_drop"] is None
    assert compare(noise=0.0, other=None, min_score=0.999).refused_by == ("min_score",)


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize(("gate", "limit"), [("min_score", 0.99), ("max_latency_ms", 1e-9), ("max_size_mb", 1e-9)])
def test_limit_out_of_reach_fails_its_gate_alone(compare: Compare, gate: str, limit: float) -> None:
    report = compare(noise=0.0, other=0.0, **{gate: limit})
    assert report.refused_by == (gate,)
    assert f"review.gates.{gate} in params.yaml" in markdown.summary(report)


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("gate", list(Gates.model_fields))
def test_gate_that_is_switched_off_refuses_nothing(task: str, tmp_path: Path, gate: str) -> None:
    """Everything is wrong with this model: each gate refuses it, unless it is off; min_class_rows refuses nothing."""
    stated = {"behaviour": Behaviour(decreases_with=("first",))}
    declared, rows = contract(task, ["a", "b"]).model_copy(update=stated), data(task, ["a", "b"])
    flipped = rows["group"] == "b"
    rows["answer"] = rows["answer"] ^ flipped.astype("boolean")
    wrong: dict[str, Any] = {"parity": {"rows": 600, "largest_difference": 1.0, "tolerance": 1e-5}, "leaks": [PAIR]}
    refusing = [name for name in Gates.model_fields if name != "min_class_rows"]
    new = export(tmp_path / "new", declared, 1.0, **wrong)
    best = export(tmp_path / "old", declared, 0.0, Source("old"), metrics={"rows": 1201})
    rows.loc[~flipped, "answer"] = rows["first"] > 0
    limits = {"min_score": 0.99, "min_slice_score": 0.5, "max_latency_ms": 1e-9, "max_size_mb": 1e-9, "max_psi": 0.3}
    limits["max_recent_drop"] = 0.005
    context = Context(SHIFTED, recent=RecentRows(rows, "newest rows of the data"))
    assert build(new, best, rows, params(**limits), INVALID, None, context).refused_by == tuple(refusing)
    report = build(new, best, rows, params(**{**limits, gate: None}), INVALID, None, context)
    assert report.refused_by == tuple(name for name in refusing if name != gate)
    assert gates_of(report)[gate] is None


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_slice_below_the_limit_is_named_and_a_small_one_is_forgiven(task: str, tmp_path: Path) -> None:
    declared, rows = contract(task, ["a", "b", "few"]), data(task, ["a", "b"])
    rows.loc[rows["group"] == "b", "answer"] = rows["noise"] > 0
    rows.loc[:25, "group"] = "few"
    rows.loc[:25, "answer"] = rows.loc[:25, "first"].rank() % 2 == 0  # as bad, but too few to be sure
    report = build(export(tmp_path / "new", declared, 0.0), None, rows, params(min_slice_score=0.6), VALID)
    below = {s.value: s.below for s in report.evidence.performance.slices if s.score.candidate < 0.6}
    assert report.refused_by == ("min_slice_score",)
    assert below == {"b": True, "few": False}
    assert "group = b" in next(gate.measured for gate in report.gates if gate.name == "min_slice_score")


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("validation", [None, INVALID], ids=["none", "invalid"])
def test_data_that_breaks_the_contract_fails_the_validation_gate_alone(
    task: str, tmp_path: Path, validation: ValidationReport | None
) -> None:
    new = export(tmp_path / "new", contract(task, ["a"]), 0.0)
    assert build(new, None, data(task, ["a"]), params(), validation).refused_by == ("validation",)


def test_export_that_is_not_like_the_trained_model_fails_the_parity_gate_alone(task: str, tmp_path: Path) -> None:
    for number, parity in enumerate([None, {"rows": 9, "largest_difference": 0.01, "tolerance": 1.0}]):
        new = export(tmp_path / str(number), contract(task, ["a"]), 0.0, parity=parity)
        assert build(new, None, data(task, ["a"]), params(), VALID).refused_by == ("parity",)


def test_champion_of_another_contract_is_compared_where_it_can_read_the_rows(task: str, tmp_path: Path) -> None:
    rows = data(task, ["a", "b"]).assign(extra=1.0)
    new = export(tmp_path / "new", contract(task, ["a", "b"], {"extra": {"type": "number"}}), 2.0)
    old = export(tmp_path / "old", contract(task, ["a"]), 0.0, Source("old"))
    report = build(new, old, rows, params(), VALID)
    assert report.refused_by == ("max_drop",)
    changed = {change.name: (change.before, change.after) for change in report.evidence.contract}
    assert changed == {"columns.group.categories": ("—", "b"), "columns.extra": (None, "number")}
    assert "columns.extra" in markdown.page(report)


def test_champion_that_cannot_read_the_rows_leaves_the_absolute_gates(task: str, tmp_path: Path) -> None:
    rows = data(task, ["a"])
    new = export(tmp_path / "new", contract(task, ["a"]), 2.0)
    old = export(tmp_path / "old", contract(task, ["a"], {"gone": {"type": "number"}}), 0.0, Source("old"))
    report = build(new, old, rows, params(), VALID)
    assert report.accepted
    for page in (markdown.page(report), html.page(report), markdown.summary(report)):
        assert "cannot be evaluated on these rows" in page
        assert "no longer there" in page
    assert build(new, old, rows, params(min_score=0.999), VALID).refused_by == ("min_score",)


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_rows_that_are_not_those_of_the_export_are_noted(task: str, tmp_path: Path) -> None:
    declared = contract(task, ["a"])
    new = export(tmp_path / "new", declared, 0.0, test_sha256="a")
    old = export(tmp_path / "old", declared, 0.0, Source("old"), test_sha256="b")
    for digest_of_rows, notes in (("a", ["champion"]), ("c", ["candidate", "champion"]), (None, [])):
        report = build(new, old, data(task, ["a"]), params(), VALID, digest_of_rows)
        assert [next(n for n in ("candidate", "champion") if n in note) for note in report.evidence.notes] == notes


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize(
    ("learned", "notes"),
    [
        (None, "The champion may have been trained on some of the test rows, which were others then"),
        (1234, "The champion was trained on 1,234 of the test rows"),
        (0, ""),
    ],
)
def test_test_rows_that_the_champion_was_trained_on_are_counted(
    task: str, tmp_path: Path, learned: int | None, notes: str
) -> None:
    declared = contract(task, ["a"])
    new = export(tmp_path / "new", declared, 0.0, test_sha256="a")
    old = export(tmp_path / "old", declared, 0.0, Source("champion"), test_sha256="b")
    report = build(new, old, data(task, ["a"]), params(), VALID, "a", Context(learned=learned))
    assert [note.partition(":")[0] for note in report.evidence.notes] == ([notes] if notes else [])


def test_report_is_the_same_after_it_was_written_and_read(compare: Compare, tmp_path: Path) -> None:
    for report in (compare(noise=2.0, other=0.0), compare(noise=0.0, other=None)):
        report.save(tmp_path / "review.json")
        assert Report.load(tmp_path / "review.json") == report
        document = files.read_json(tmp_path / "review.json")
        assert document["verdict"] in html.page(report)
        assert document["outcome"] in markdown.summary(report)
        assert document["model_sha256"] == report.evidence.candidate.model_sha256


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_report_with_an_unknown_or_a_missing_field_is_not_read(compare: Compare, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    compare(noise=0.0, other=None).save(path)
    document = files.read_json(path)
    files.write_json(path, {**document, "extra": 1})
    with pytest.raises(ProjectError, match=r"review\.json: extra: "):
        Report.load(path)
    del document["evidence"]["performance"]["metrics"][0]["score"]["candidate"]
    files.write_json(path, document)
    with pytest.raises(ProjectError, match=r"review\.json: evidence\.performance\.metrics\.0\.score\.candidate: "):
        Report.load(path)


def test_another_task_target_or_type_cannot_be_compared() -> None:
    binary, number = contract("binary", ["a"]), contract("regression", ["a"])
    typed = contract("binary", ["a"], {"first": {"type": "category"}})
    assert changes.incompatibilities(binary, binary) == ()
    assert changes.incompatibilities(binary, number)[0] == "task was 'binary' and is 'regression'"
    assert changes.incompatibilities(typed, binary) == ("it reads column 'first' as category, which is now number",)


def test_only_the_latency_differs_between_two_reviews(compare: Compare) -> None:
    def steady(report: Report) -> str:
        evidence, gates = report.evidence, [gate for gate in report.gates if gate.name != "max_latency_ms"]
        candidate, best = (replace(m, latency_ms=0) for m in (evidence.candidate, evidence.champion))
        same = replace(report, gates=gates, evidence=replace(evidence, candidate=candidate, champion=best))
        return json.dumps(asdict(same), allow_nan=False)

    assert steady(compare(1.0, 0.0)) == steady(compare(1.0, 0.0, max_drop=0.005))


def test_metrics_of_a_draw_are_those_of_the_rows_it_repeats(task: str) -> None:
    declared, rng = contract(task, ["a"]), np.random.default_rng(3)
    truth = rng.normal(size=400) if task == "regression" else rng.integers(0, len(declared.classes), 400)
    predicted = truth + rng.normal(size=400).round(1)
    if declared.classes:
        raw = rng.random((400, len(declared.classes))).round(1) + 0.05  # rounded, so that there are ties
        predicted = (raw / raw.sum(axis=1, keepdims=True)).astype("float32")
    draw = rng.poisson(1, 400)
    drawn = bootstrap.measure(declared, truth, predicted, 0.4)(draw.astype("float64"))
    expected = metrics.scores(declared, np.repeat(truth, draw), np.repeat(predicted, draw, axis=0), 0.4)
    assert drawn == pytest.approx(expected, rel=1e-5)
    assert list(drawn) == list(expected)


def test_class_that_no_row_has_does_not_count() -> None:
    declared, truth = contract("multiclass", ["a"]), np.array([0, 1, 0, 1, 1])
    predicted = np.array([[0.7, 0.3, 0], [0.2, 0.8, 0], [0.4, 0.6, 0], [0.1, 0.9, 0], [0.3, 0.7, 0]])
    drawn = bootstrap.measure(declared, truth, predicted, 0.5)(np.ones(5))
    assert drawn == pytest.approx(metrics.scores(declared, truth, predicted, 0.5))


@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn says what has no meaning
@pytest.mark.parametrize("task", ["binary", "regression"], indirect=True)
def test_metric_without_meaning_is_not_accepted(task: str, tmp_path: Path) -> None:
    rows = data(task, ["a"])
    rows["answer"] = rows["answer"].where(rows.index < 0, rows["answer"].iloc[0])
    new, old = (export(tmp_path / name, contract(task, ["a"]), 0.0, Source(name)) for name in ("new", "old"))
    report = build(new, old, rows, params(), VALID)
    assert report.refused_by == ("min_score",)
    assert json.dumps(asdict(report), allow_nan=False)
    for page in (markdown.page(report), html.page(report)):
        assert "undefined on these rows" in page
        assert not re.search(r"\bnan\b", page)


def test_interval_is_as_wide_as_theory_says() -> None:
    declared, rng = contract("regression", ["a"]), np.random.default_rng(5)
    truth, error = np.arange(2000.0), rng.exponential(size=2000)
    (drawn,) = bootstrap.resample([bootstrap.measure(declared, truth, truth + error, 0.5)], 2000, 1000, 1)
    low, high = bootstrap.interval(drawn["mae"])
    assert low < error.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * error.std() / np.sqrt(2000), rel=0.1)


def test_draws_that_lack_a_class_are_left_out_of_the_interval() -> None:
    assert bootstrap.interval(np.array([0.5, 0.6, np.nan])) == pytest.approx((0.5025, 0.5975))
    assert np.isnan(bootstrap.interval(np.array([0.5, np.nan, np.nan]))).all()


@pytest.fixture
def evil(task: str, tmp_path: Path) -> Report:
    """Return a review of 500 columns whose names, values, settings and failures want to break the page."""
    texts = {f"{EVIL[n % len(EVIL)]} {n}": {"type": "category", "categories": EVIL} for n in range(50)}
    more: dict[str, Any] = {**texts, **{f"{EVIL[n % len(EVIL)]} {n}": {"type": "number"} for n in range(50, 494)}}
    rows = data(task, EVIL)
    added = pd.DataFrame({name: np.roll(rows["group"], n) for n, name in enumerate(texts)}, dtype="string")
    zeros = pd.DataFrame(0.0, index=rows.index, columns=[name for name in more if name not in texts])
    settings = {f"{text} {n}": text for n in range(40) for text in EVIL}
    old_settings = dict.fromkeys(settings, "|")
    failures = tuple(Failure(text, text, {text: text}, text, 1, ({text: text},)) for text in EVIL)
    source, other = Source("candidate", commit="`|<b>"), Source("".join(EVIL), version=EVIL[0], run_id=EVIL[1])
    packages = {EVIL[0]: EVIL[1]}
    new = export(tmp_path / "new", contract(task, EVIL, more), 0.2, source, params=settings, packages=packages)
    old = export(tmp_path / "old", contract(task, EVIL), 0.0, other, params=old_settings)
    gates = params(min_slice_score=2.0)
    few = gates.model_copy(update={"review": gates.review.model_copy(update={"resamples": 2})})
    validation = ValidationReport(False, 600, 9, failures)
    return build(new, old, pd.concat([rows, added, zeros], axis=1), few, validation)


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("limit", [1_500, 3_000])
def test_comment_leaves_out_what_does_not_fit(evil: Report, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = markdown.page(evil)
    monkeypatch.setattr(markdown, "LIMIT", limit)
    comment = markdown.page(evil)
    assert len(comment) <= limit < len(whole)
    assert comment.startswith(markdown.MARKER)
    assert "Left out" in comment


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_pages_hold_whatever_the_data_holds(evil: Report) -> None:
    comment, whole = markdown.page(evil), html.page(evil)
    assert comment.startswith(markdown.MARKER)
    assert len(comment) < markdown.LIMIT
    for page in (comment, whole):
        assert "<script" not in page
        assert "alert(1)" in page.replace("&#40;", "(").replace("&#41;", ")")
    assert not re.search(r"://|(?<!`)@", comment)  # neither links nor mentions
    tables = re.findall(r"^\|.*\|\n\|[- |]+\|\n(?:\|.*\n)+", comment, re.MULTILINE)
    assert len(tables) >= 6
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_html_page_needs_nothing_else_and_is_well_formed(compare: Compare) -> None:
    page = html.page(compare(1.0, 0.0))
    assert not re.search(r"https?://|src=|<link|@import|url\(", page)
    assert page.index("default-src 'none'") < page.index("<style>")
    opened = [name for name in re.findall(r"<([a-z]\w*)[^>]*(?<!/)>", page) if name != "meta"]
    closed = re.findall(r"</([a-z]\w*)>", page)
    assert sorted(opened) == sorted(closed)
    assert page.count("<svg") > 3
    assert len(re.findall(r'<div class="scroll" tabindex="0">\s*<table>', page)) == page.count("<table>")


def test_comment_draws_both_models_on_one_grid(compare: Compare) -> None:
    comment = markdown.page(compare(1.0, 0.0))
    (chart,) = re.findall(r"```mermaid\n(.*?)\n```", comment, re.DOTALL)
    assert "xychart-beta" in chart
    assert "candidate (blue) and champion (orange)" in chart
    lines = [[float(value) for value in line.split(",")] for line in re.findall(r"line \[(.*)\]", chart)]
    assert len(lines) == 2
    assert len({len(line) for line in lines}) == 1
    assert np.isfinite(lines).all()


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_latency_is_processor_time_of_the_best_round(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine most rounds take longer; one is not disturbed."""
    model, clock = export(tmp_path / "new", contract(task, ["a"]), 0.0), [0.0]
    durations = iter([0.005] * 9 + [0.001] * 3 + [0.032] * 1000)  # of three rows, round by round

    def answers(self: Scorer, columns: Any) -> None:
        clock[0] += next(durations)

    monkeypatch.setattr(Scorer, "answers", answers)
    monkeypatch.setattr(latency.time, "thread_time", lambda: clock[0])
    assert latency.latency([model.scorer]) == pytest.approx([1.0])


def test_baseline_is_the_most_frequent_class_or_the_mean_of_the_train_part(task: str, tmp_path: Path) -> None:
    declared, rows = contract(task, ["a"]), data(task, ["a"])
    parts = tables(tmp_path, rows)
    new, test = exported(tmp_path / "new", declared, 0.0, parts), pd.read_parquet(parts["test"])
    report = build(new, None, test, params(), VALID)
    constant = {metric.name: metric.baseline for metric in report.evidence.performance.metrics}
    train = pd.read_parquet(parts["train"])["answer"]
    if task == "regression":
        assert constant["rmse"] == pytest.approx(float(np.sqrt(((test["answer"] - train.mean()) ** 2).mean())))
    else:
        assert constant["accuracy"] == pytest.approx((test["answer"] == train.mode()[0]).mean())
    assert report.evidence.primary.candidate > next(iter(constant.values()))
    assert "baseline" in html.page(report)
    assert "baseline (always the m" in markdown.page(report)


def test_confusion_counts_every_test_row_of_both_models(task: str, compare: Compare) -> None:
    performance = compare(noise=0.5, other=0.0).evidence.performance
    confusion = performance.confusion
    if task == "regression":
        assert confusion is None
        return
    for counts in (confusion.candidate, confusion.champion):
        assert np.array(counts).sum() == 600
        assert np.trace(np.array(counts)) > 300
    accuracy = next(metric.score for metric in performance.metrics if metric.name == "accuracy")
    assert np.trace(np.array(confusion.candidate)) / 600 == pytest.approx(accuracy.candidate)
    assert sum(mistake[2] for mistake in phrases.mistakes(confusion, 99)) == 600 - np.trace(
        np.array(confusion.candidate)
    )


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("fact", ["importance", "reasons"])
@pytest.mark.parametrize("old", [{"second": 0.3, "gone": 0.2}, None])
def test_importances_of_both_models_are_drawn(
    task: str, fact: str, tmp_path: Path, old: dict[str, float] | None
) -> None:
    declared, new = contract(task, ["a"]), {f"f{n}": 1 / (n + 1) for n in range(12)} | {"second": 0.01, "noise": -0.1}
    candidate = export(tmp_path / "new", declared, 0.0, **({"importance": {"other": 1.0}} | {fact: new}))
    best = export(tmp_path / "old", declared, 0.0, Source("old"), **({fact: old} if old else {}))
    report = build(candidate, best, data(task, ["a"]), params(), VALID)
    names = {i.feature: (i.candidate, i.champion) for i in report.evidence.importances}
    assert len(names) == 10
    assert names["f0"] == (1.0, None)
    assert (names.get("gone") == (None, 0.2)) == (old is not None)
    assert (names.get("second") == (0.01, 0.3)) == (old is not None)
    assert ("was exported without its importances" in html.page(report)) == (old is None)
    assert html.page(report).count('<rect class="candidate"') == (9 if old else 10)
    assert ("How much a column adds to a prediction" in html.page(report)) == (fact == "reasons")
    assert ("values of a feature are shuffled" in html.page(report)) == (fact == "importance")


@pytest.mark.parametrize("other", [None, "unreadable"])
def test_without_a_comparison_no_column_is_empty(task: str, tmp_path: Path, other: str | None) -> None:
    rows = data(task, ["a"])
    new = export(tmp_path / "new", contract(task, ["a"]), 0.0)
    old = export(tmp_path / "old", contract(task, ["a"], {"gone": {"type": "number"}}), 0.0, Source("old"))
    report = build(new, old if other else None, rows, params(), VALID)
    for page in (html.page(report), markdown.page(report)):
        assert "difference" not in page.replace("No difference", "").replace("no difference", "")
        assert ("make promote" in page) == (other is None)
    cells = re.findall(r'<td class="number[^"]*" data-label="(?!baseline)[^"]*" role="cell"><span>—', html.page(report))
    assert cells == []


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize(("about", "words"), [("candidate", "of the candidate:"), ("else", "of another model:")])
def test_drift_is_on_the_page_with_the_model_that_it_is_about(
    task: str, tmp_path: Path, about: str, words: str
) -> None:
    new = export(tmp_path / "new", contract(task, ["a"]), 0.0)
    model = new.scorer.manifest["files"]["model.onnx"] if about == "candidate" else "0" * 64
    moved = ColumnDrift("first", True, Shift(0.4, 0.1, "above 3", 0.1, 0.3))
    drift = Drift(model, "answer", 0.2, 500, 3, 2000, ("first",), (moved,))
    page = html.page(build(new, None, data(task, ["a"]), params(), VALID, None, Context(drift=drift)))
    assert (
        f"500 recent rows against the reference rows {words} 1 of 1 columns drifted; 3 rows break its contract" in page
    )
    assert "above 3" in page


Invoke = Callable[..., Any]


@pytest.fixture
def invoke() -> Invoke:
    """Return the command, run in a folder with a test part, a good model and a bad one."""
    declared = contract("binary", ["a", "b"])
    data("binary", ["a", "b"]).to_parquet("test.parquet")
    export(Path("good"), declared, 0.0)
    export(Path("bad"), declared, 2.0)
    VALID.save(Path("reports/validation.json"))
    Path("params.yaml").write_text(params().model_dump_json(), encoding="utf-8")
    return lambda model, *options: CliRunner().invoke(main, [model, "test.parquet", "reports", *options])


def test_exit_code_is_the_verdict_and_the_reports_are_written(invoke: Invoke) -> None:
    for model, best, code in (("bad", "good", 1), ("good", "bad", 0)):
        done = invoke(model, "--champion", best)
        assert done.exit_code == code, done.output
        assert json.loads(Path("reports/review.json").read_text())["accepted"] is (code == 0)
        for name in ("review.md", "review.html"):
            said = Path("reports", name).read_text(encoding="utf-8")
            assert ("Model accepted" in said) is (code == 0)
            assert ("Model refused by max_drop" in said) is (code == 1)


@pytest.mark.parametrize("written", ['{"model": "of another release"}', None])
def test_drift_is_shown_where_monitor_wrote_it_and_stops_no_review(invoke: Invoke, written: str | None) -> None:
    if written:
        Path("reports/drift.json").write_text(written, encoding="utf-8")
    else:
        Drift("0" * 64, "answer", 0.2, 500, 0, 2000, (), ()).save(Path("reports/drift.json"))
    assert invoke("good", "--champion", "bad").exit_code == 0
    assert ("Drift of recent rows" in Path("reports/review.html").read_text(encoding="utf-8")) == (written is None)


def test_what_cannot_be_reviewed_is_neither_accepted_nor_refused(invoke: Invoke) -> None:
    assert invoke("good", "--champion", "bad").exit_code == 0
    Path("bad/model.onnx").write_bytes(b"another")
    assert invoke("bad", "--champion", "good").exit_code == 2
    assert [path.name for path in Path("reports").iterdir()] == ["validation.json"]
    assert invoke("good", "--champion", "bad").exit_code == 2
    assert invoke("nowhere").exit_code == 2
    assert "git fetch" in invoke("good", "--champion", "git:no-such-branch").output


def test_without_a_champion_in_the_registry_the_model_is_the_first(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(champion, "_from_registry", lambda name, folder: asked.append(name))
    monkeypatch.setattr(registry, "newest", lambda other_than: None)
    done = invoke("good")
    assert done.exit_code == 0, done.output
    assert asked == [champion.ALIAS]
    assert "There is no champion yet" in done.output
    assert "no such folder" in invoke("good", "--champion", "7").output
    assert asked[-1] == "7"


def test_champion_of_the_registry_is_named_with_its_version(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, folder: Path) -> VersionFacts:
        export(folder, contract("binary", ["a", "b"]), 0.0)
        return VersionFacts("4", "def", "abc", None, (champion.ALIAS,))

    monkeypatch.setattr(registry, "fetch", fetch)
    assert "the champion (version 4)" in invoke("bad").output
    assert "abc" in Path("reports/review.md").read_text(encoding="utf-8")


def test_without_a_champion_the_newest_other_version_is_compared(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str, folder: Path) -> VersionFacts | None:
        if name == champion.ALIAS:
            return None
        export(folder, contract("binary", ["a", "b"]), 0.0)
        return VersionFacts(name, "def", "abc", None, ())

    monkeypatch.setattr(registry, "fetch", fetch)
    asked: list[str] = []
    monkeypatch.setattr(registry, "newest", lambda other_than: asked.append(other_than) or "3")
    done = invoke("bad")
    assert done.exit_code == 1
    assert "worse than the newest version (version 3)" in done.output
    assert asked == [digest(Path("bad/model.onnx"))]
    page = Path("reports/review.html").read_text(encoding="utf-8")
    assert '<th role="columnheader" class="number">newest version</th>' in page
    assert ">champion<" not in page


def test_champion_of_a_git_revision_is_what_dvc_kept_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = Path("models/export")
    model.mkdir(parents=True)
    dvc, name = [sys.executable, "-m", "dvc"], ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["git", "init", "-q"], [*dvc, "init", "-q"]):
        subprocess.run(command, check=True)
    for text in ("old", "new"):
        (model / "model.onnx").write_text(text, encoding="utf-8")
        subprocess.run([*dvc, "add", "-q", str(model)], check=True)
        subprocess.run(["git", "add", "."], check=True)
        subprocess.run(["git", *name, "commit", "-qm", text], check=True)
    best = champion.find("git:HEAD~1", model, tmp_path / "champion")
    assert best is not None
    assert (best[0] / "model.onnx").read_text(encoding="utf-8") == "old"
    assert best[1].name == "HEAD~1"
    with pytest.raises(ProjectError, match="no such revision"):
        champion.find("git:nothing", model, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("leaks", "acknowledged", "passed"),
    [
        ([], [], True),
        ([SUM], [], False),
        ([SUM], ["first"], False),
        ([SUM], ["first", "second"], True),
        ([SUM, PAIR], ["first", "second"], False),
    ],
)
def test_a_leak_is_refused_by_name_until_the_contract_acknowledges_it(
    leaks: list[dict[str, Any]], acknowledged: list[str], passed: bool, tmp_path: Path
) -> None:
    declared = contract("regression", ["a", "b"]).model_copy(update={"acknowledged_leaks": tuple(acknowledged)})
    model = export(tmp_path / "model", declared, 0.0, leaks=leaks)
    report = build(model, None, data("regression", ["a", "b"]), params(), VALID)
    assert (report.accepted, gates_of(report)["leakage"]) == (passed, passed)
    if not passed:
        summary = markdown.summary(report)
        assert "acknowledged" in summary
        text = "together, noise, third predict answer (r2 0.9996)" if len(leaks) > 1 else "answer = first + second"
        assert text in summary
        assert ("first + second" in summary) == (len(leaks) == 1)
    assert gates_of(build(model, None, data("regression", ["a", "b"]), params(leakage=None), VALID))["leakage"] is None


@pytest.mark.parametrize(("positives", "proven"), [(4, False), (5, True)])
def test_with_few_test_rows_of_a_class_an_accepted_model_is_unproven_only(
    positives: int, proven: bool, tmp_path: Path
) -> None:
    rows = data("binary", ["a", "b"])
    rows["answer"] = pd.array(np.argsort(np.argsort(-rows["first"])) < positives, dtype="boolean")
    model = export(tmp_path / "model", contract("binary", ["a", "b"]), 0.0)
    report = build(model, None, rows, params(), VALID)
    assert report.accepted
    assert (report.verdict == "Model accepted", report.unproven) == (proven, () if proven else ("true (4)",))
    assert gates_of(report)["min_class_rows"] is (True if proven else None)
    page = html.page(report)
    assert ('<header class="accepted">' in page, '<header class="unproven">' in page) == (proven, not proven)
    assert ("## ✅" in markdown.page(report)) == proven
    assert ("true: 4 test rows" in page) == (not proven)
    for text in (page, markdown.page(report), markdown.summary(report)):
        assert ("Few test rows: true (4)" in text.replace("\\", "")) == (not proven)
    assert build(model, None, rows, params(min_class_rows=None), VALID).verdict == "Model accepted"
    refused = build(model, None, rows, params(min_score=2.0), VALID)
    assert refused.verdict == "Model refused by min_score"
    assert '<header class="refused">' in html.page(refused)


def test_rows_without_a_target_are_counted_in_the_review(tmp_path: Path) -> None:
    model = export(tmp_path / "model", contract("binary", ["a", "b"]), 0.0)
    checked = replace(VALID, rows=600, without_target=120)
    report = build(model, None, data("binary", ["a", "b"]), params(), checked)
    words = "120 of 600 rows have no value of the target answer: not used."
    assert words in html.page(report)
    assert words not in html.page(build(model, None, data("binary", ["a", "b"]), params(), VALID))
