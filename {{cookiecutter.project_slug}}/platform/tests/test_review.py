"""A worse model is refused, an equal one is not, and the pages hold whatever the data holds."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Evaluate, Export, Gates, Params, Review
from mlgitops.contract.synthetic import example_rows
from mlgitops.model import metrics
from mlgitops.model.scorer import Scorer, digest
from mlgitops.review import bootstrap, champion, changes
from mlgitops.review.command import main
from mlgitops.review.pages import html, markdown
from mlgitops.review.report import review

PARAMS = Params.load(Path(__file__).parents[1] / "params.yaml")
TASKS = ["binary", "multiclass", "regression"]
EVIL = ["<script>alert(1)</script>", "a|b", "`c` **d** _e_", "@f #1", "[g](http://h.example)", "</table>\\|", "i" * 300]
TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"type": "boolean"},
    "multiclass": {"type": "category", "values": ["x", "y", "z"]},
    "regression": {"type": "number"},
}
SIGNALS = ["first", "second", "third"]
VALID: dict[str, Any] = {"success": True, "rows": 600, "expectations": 9, "failures": []}


def contract(task: str, groups: list[str], more: dict[str, Any] | None = None) -> Contract:
    numbers: dict[str, Any] = {name: {"type": "number"} for name in (*SIGNALS, "noise")}
    columns = {**numbers, "group": {"type": "category", "values": groups}, **(more or {}), "answer": TARGETS[task]}
    return Contract.model_validate({"task": task, "target": "answer", "columns": columns})


def data(task: str, groups: list[str], seed: int = 0, count: int = 600) -> pd.DataFrame:
    """Return rows whose answer follows the signals, with chance, and never the noise."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(count, 4)), columns=[*SIGNALS, "noise"])
    rows["group"] = pd.Series(rng.choice(np.array(groups, dtype=object), count), dtype="string")
    if task == "binary":
        rows["answer"] = pd.array(rng.random(count) < 1 / (1 + np.exp(-2 * rows["first"])), dtype="boolean")
    elif task == "multiclass":
        luck = 2 * rows[SIGNALS] + rng.gumbel(size=(count, 3))
        rows["answer"] = pd.Series(np.array(["x", "y", "z"])[luck.to_numpy().argmax(axis=1)], dtype="string")
    else:
        rows["answer"] = rows["first"] + 0.5 * rng.normal(size=count)
    return rows


def export(folder: Path, declared: Contract, noise: float, **facts: Any) -> Scorer:
    """Write a model that follows the signals, and the noise as far as told, as export writes models."""
    folder.mkdir(parents=True)
    weights = np.vstack([np.eye(3) * 2, [noise, -noise, 0]]) if declared.task == "multiclass" else _weights(noise)
    (folder / "model.onnx").write_bytes(_model(declared, weights.astype("float32")).SerializeToString())
    (folder / "contract.yaml").write_text(declared.model_dump_json(exclude_defaults=True), encoding="utf-8")
    files.write_json(folder / "golden.json", {"rows": example_rows(declared, 3), "answers": []})
    named = {path.name: digest(path) for path in folder.iterdir()}
    parity = {"rows": 600, "largest_difference": 1e-7, "tolerance": 1e-5}
    files.write_json(folder / "manifest.json", {"threshold": 0.5, "parity": parity, "files": named, **facts})
    return Scorer(folder)


def _weights(noise: float) -> np.ndarray:
    return np.array([[1], [0], [0], [noise]])


def _model(declared: Contract, weights: np.ndarray) -> onnx.ModelProto:
    kinds = {"number": TensorProto.FLOAT, "category": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(f.name, kinds[f.kind], [None, 1]) for f in declared.features]
    nodes = [
        helper.make_node("Concat", [*SIGNALS, "noise"], ["signals"], axis=1),
        helper.make_node("MatMul", ["signals", "weights"], ["score"]),
    ]
    if declared.task == "binary":
        nodes += [
            helper.make_node("Neg", ["score"], ["opposite"]),
            helper.make_node("Concat", ["opposite", "score"], ["both"], axis=1),
            helper.make_node("Sigmoid", ["both"], ["answer"]),
        ]
    else:
        nodes.append(helper.make_node("Softmax" if declared.classes else "Identity", ["score"], ["answer"]))
    output = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, None])
    graph = helper.make_graph(nodes, "model", inputs, [output], [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def params(**gates: Any) -> Params:
    limits = {"floor": -99.0, "regression": 0.005, "slice_floor": -99.0, "validation": True, "parity": True}
    chosen = Gates.model_validate({**limits, "latency_ms": 60_000, "size_mb": 1, **gates})
    return PARAMS.model_copy(
        update={
            "review": Review(resamples=100, seed=1, gates=chosen),
            "evaluate": Evaluate(threshold=0.5, importance_rows=10, min_slice=20),
            "export": Export(probability_tolerance=1e-5, number_tolerance=1e-4, golden_rows=3),
        }
    )


Compare = Callable[..., dict[str, Any]]


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def compare(task: str, tmp_path: Path) -> Compare:
    """Return a function that reviews a model that follows noise against another that follows other noise."""

    def compared(noise: float, other: float | None, seed: int = 0, **gates: Any) -> dict[str, Any]:
        declared, folder = contract(task, ["a", "b"]), tmp_path / f"{noise} {other} {seed} {len(gates)}"
        best = None if other is None else (export(folder / "old", declared, other), {"name": "old"})
        new = export(folder / "new", declared, noise), {"name": "new"}
        return review(new, best, data(task, ["a", "b"], seed), params(**gates), VALID)

    return compared


def test_worse_model_is_refused_by_the_regression_gate_alone(compare: Compare) -> None:
    found = compare(noise=2.0, other=0.0)
    assert (found["accepted"], found["refused_by"]) == (False, ["regression"])
    assert found["metrics"][0]["high"] < -0.005
    assert found["metrics"][0]["verdict"] == "worse"


def test_better_model_is_accepted(compare: Compare) -> None:
    found = compare(noise=0.0, other=2.0)
    assert found["accepted"]
    assert found["metrics"][0]["low"] > 0
    assert found["metrics"][0]["verdict"] == "better"


def test_equal_model_is_not_refused_by_noise(compare: Compare) -> None:
    found = [compare(noise=0.6, other=-0.6, seed=seed) for seed in range(20)]
    assert [one["refused_by"] for one in found] == [[]] * 20
    assert sum(one["metrics"][0]["difference"] < -0.005 for one in found) > 1  # by the number alone, some were


def test_the_same_model_differs_by_nothing(compare: Compare) -> None:
    found = compare(noise=0.3, other=0.3)
    assert all((one["difference"], one["low"], one["high"]) == (0, 0, 0) for one in found["metrics"])
    assert {one["verdict"] for one in found["metrics"]} == {"same"}
    assert found["movement"]["mean_absolute_change"] == 0
    assert found["movement"].get("changed_share", 0) == 0


def test_first_model_is_judged_by_the_absolute_gates(compare: Compare) -> None:
    found = compare(noise=0.0, other=None)
    assert found["accepted"]
    assert {gate["name"]: gate["passed"] for gate in found["gates"]}["regression"] is None
    assert compare(noise=0.0, other=None, floor=0.999)["refused_by"] == ["floor"]


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize(("gate", "limit"), [("floor", 0.99), ("latency_ms", 1e-9), ("size_mb", 1e-9)])
def test_limit_out_of_reach_fails_its_gate_alone(compare: Compare, gate: str, limit: float) -> None:
    found = compare(noise=0.0, other=0.0, **{gate: limit})
    assert found["refused_by"] == [gate]
    assert f"review.gates.{gate} in params.yaml" in markdown.summary(found)


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("gate", list(Gates.model_fields))
def test_gate_that_is_switched_off_judges_nothing(task: str, tmp_path: Path, gate: str) -> None:
    """Everything is wrong with this model: each gate says so, unless it is off."""
    declared, rows = contract(task, ["a", "b"]), data(task, ["a", "b"])
    flipped = rows["group"] == "b"
    rows["answer"] = rows["answer"] ^ flipped.astype("boolean")
    wrong = {"parity": {"rows": 600, "largest_difference": 1.0, "tolerance": 1e-5}}
    new = export(tmp_path / "new", declared, 1.0, **wrong), {}
    best = export(tmp_path / "old", declared, 0.0), {"name": "old"}
    rows.loc[~flipped, "answer"] = rows["first"] > 0
    limits = {"floor": 0.99, "slice_floor": 0.5, "latency_ms": 1e-9, "size_mb": 1e-9}
    bad = {"success": False, "rows": 600, "expectations": 1, "failures": [{"column": "first"}]}
    assert review(new, best, rows, params(**limits), bad)["refused_by"] == list(Gates.model_fields)
    refused = review(new, best, rows, params(**{**limits, gate: None}), bad)["refused_by"]
    assert refused == [name for name in Gates.model_fields if name != gate]


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_slice_below_its_floor_is_named_and_a_small_one_is_forgiven(task: str, tmp_path: Path) -> None:
    declared, rows = contract(task, ["a", "b", "few"]), data(task, ["a", "b"])
    rows.loc[rows["group"] == "b", "answer"] = rows["noise"] > 0
    rows.loc[:25, "group"] = "few"
    rows.loc[:25, "answer"] = rows.loc[:25, "first"].rank() % 2 == 0  # as bad, but too few to be sure
    found = review((export(tmp_path / "new", declared, 0.0), {}), None, rows, params(slice_floor=0.6), VALID)
    under = {one["value"]: one["below"] for one in found["slices"] if one["candidate"] < 0.6}
    assert found["refused_by"] == ["slice_floor"]
    assert under == {"b": True, "few": False}
    assert "group = b" in next(gate["measured"] for gate in found["gates"] if gate["name"] == "slice_floor")


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("validation", [None, {**VALID, "success": False, "failures": [{"column": "first"}]}])
def test_data_that_breaks_the_contract_fails_the_validation_gate_alone(
    task: str, tmp_path: Path, validation: dict[str, Any] | None
) -> None:
    new = export(tmp_path / "new", contract(task, ["a"]), 0.0), {}
    assert review(new, None, data(task, ["a"]), params(), validation)["refused_by"] == ["validation"]


def test_export_that_is_not_like_the_trained_model_fails_the_parity_gate_alone(task: str, tmp_path: Path) -> None:
    for number, parity in enumerate([None, {"rows": 9, "largest_difference": 0.01, "tolerance": 1.0}]):
        new = export(tmp_path / str(number), contract(task, ["a"]), 0.0, parity=parity), {}
        assert review(new, None, data(task, ["a"]), params(), VALID)["refused_by"] == ["parity"]


def test_champion_of_another_contract_is_compared_where_it_can_read_the_rows(task: str, tmp_path: Path) -> None:
    rows = data(task, ["a", "b"]).assign(extra=1.0)
    new = export(tmp_path / "new", contract(task, ["a", "b"], {"extra": {"type": "number"}}), 2.0), {}
    old = export(tmp_path / "old", contract(task, ["a"]), 0.0), {"name": "old"}
    found = review(new, old, rows, params(), VALID)
    assert found["refused_by"] == ["regression"]
    changed = {one["name"]: (one["before"], one["after"]) for one in found["contract"]}
    assert changed == {"columns.group.values": ("—", "b"), "columns.extra": (None, "number")}
    assert "columns.extra" in markdown.page(found)


def test_champion_that_cannot_read_the_rows_leaves_the_absolute_gates(task: str, tmp_path: Path) -> None:
    rows = data(task, ["a"])
    new = export(tmp_path / "new", contract(task, ["a"]), 2.0), {}
    old = export(tmp_path / "old", contract(task, ["a"], {"gone": {"type": "number"}}), 0.0), {"name": "old"}
    found = review(new, old, rows, params(), VALID)
    assert found["accepted"]
    for page in (markdown.page(found), html.page(found), markdown.summary(found)):
        assert "no longer there" in page
    assert review(new, old, rows, params(floor=0.999), VALID)["refused_by"] == ["floor"]


def test_another_task_target_or_type_cannot_be_compared() -> None:
    one, number = contract("binary", ["a"]), contract("regression", ["a"])
    typed = contract("binary", ["a"], {"first": {"type": "category"}})
    assert changes.unreadable(one, one) == []
    assert changes.unreadable(one, number)[0] == "task was 'binary' and is 'regression'"
    assert changes.unreadable(typed, one) == ["it reads column 'first' as category, which is now number"]


def test_only_the_latency_differs_between_two_reviews(compare: Compare) -> None:
    def steady(found: dict[str, Any]) -> str:
        gates = [gate for gate in found["gates"] if gate["name"] != "latency_ms"]
        sides = {side: {**found[side], "latency_ms": 0} for side in ("candidate", "champion")}
        return json.dumps({**found, "gates": gates, **sides}, allow_nan=False)

    assert steady(compare(1.0, 0.0)) == steady(compare(1.0, 0.0, regression=0.005))


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
    models = [(export(tmp_path / name, contract(task, ["a"]), 0.0), {"name": name}) for name in ("new", "old")]
    found = review(*models, rows, params(), VALID)
    assert found["refused_by"] == ["floor"]
    assert json.dumps(found, allow_nan=False)
    for page in (markdown.page(found), html.page(found)):
        assert "without meaning" in page
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
def evil(task: str, tmp_path: Path) -> dict[str, Any]:
    """Return a review of 500 columns whose names, values, settings and failures want to break the page."""
    texts = {f"{EVIL[n % len(EVIL)]} {n}": {"type": "category", "values": EVIL} for n in range(50)}
    more: dict[str, Any] = {**texts, **{f"{EVIL[n % len(EVIL)]} {n}": {"type": "number"} for n in range(50, 494)}}
    rows = data(task, EVIL)
    added = pd.DataFrame({name: np.roll(rows["group"], n) for n, name in enumerate(texts)}, dtype="string")
    zeros = pd.DataFrame(0.0, index=rows.index, columns=[name for name in more if name not in texts])
    settings = {f"{text} {n}": text for n in range(40) for text in EVIL}
    old_settings = dict.fromkeys(settings, "|")
    failures = [{"column": text, "expectation": text, "count": 1, "rows": [{text: text}]} for text in EVIL]
    new = export(tmp_path / "new", contract(task, EVIL, more), 0.2, params=settings), {"commit": "`|<b>"}
    old = export(tmp_path / "old", contract(task, EVIL), 0.0, params=old_settings), {"name": "".join(EVIL)}
    gates = params(slice_floor=2.0)
    few = gates.model_copy(update={"review": gates.review.model_copy(update={"resamples": 2})})
    return review(new, old, pd.concat([rows, added, zeros], axis=1), few, {**VALID, "failures": failures})


@pytest.mark.parametrize("task", ["binary"], indirect=True)
@pytest.mark.parametrize("limit", [1_500, 3_000])
def test_comment_leaves_out_what_does_not_fit(
    evil: dict[str, Any], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = markdown.page(evil)
    monkeypatch.setattr(markdown_page, "LIMIT", limit)
    comment = markdown.page(evil)
    assert len(comment) <= limit < len(whole)
    assert comment.startswith(markdown.MARKER)
    assert "Left out" in comment


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_pages_hold_whatever_the_data_holds(evil: dict[str, Any]) -> None:
    comment, html = markdown.page(evil), html.page(evil)
    assert comment.startswith(markdown.MARKER)
    assert len(comment) < markdown.LIMIT
    for page in (comment, html):
        assert "<script" not in page
        assert "alert(1)" in page.replace("&#40;", "(").replace("&#41;", ")")
    assert not re.search(r"://|(?<!`)@", comment)  # neither links nor mentions
    tables = re.findall(r"^\|.*\|\n\|[- |]+\|\n(?:\|.*\n)+", comment, re.MULTILINE)
    assert len(tables) >= 6
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_html_page_needs_nothing_else_and_is_well_formed(compare: Compare) -> None:
    html = html.page(compare(1.0, 0.0))
    assert not re.search(r"https?://|src=|<link|@import|url\(", html)
    assert "default-src &#x27;none&#x27;" in html
    opened = re.findall(r"<([a-z]\w*)[^>]*(?<!/)>", html)
    closed = re.findall(r"</([a-z]\w*)>", html)
    assert sorted(opened) == sorted(closed)
    assert html.count("<svg") > 3


def test_comment_draws_both_models_on_one_grid(compare: Compare) -> None:
    comment = markdown.page(compare(1.0, 0.0))
    (chart,) = re.findall(r"```mermaid\n(.*?)\n```", comment, re.DOTALL)
    assert "xychart-beta" in chart
    assert "candidate (blue) and champion (orange)" in chart
    lines = [[float(value) for value in line.split(",")] for line in re.findall(r"line \[(.*)\]", chart)]
    assert len(lines) == 2
    assert len({len(line) for line in lines}) == 1
    assert np.isfinite(lines).all()


Invoke = Callable[..., Any]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Return the command, run in a folder with a test part, a good model and a bad one."""
    monkeypatch.chdir(tmp_path)
    declared = contract("binary", ["a", "b"])
    data("binary", ["a", "b"]).to_parquet("test.parquet")
    export(Path("good"), declared, 0.0)
    export(Path("bad"), declared, 2.0)
    files.write_json(Path("reports/validation.json"), VALID)
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
            assert ("Model refused by regression" in said) is (code == 1)


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
    monkeypatch.setattr(champion, "_fetch", lambda name, folder: asked.append(name))
    done = invoke("good")
    assert done.exit_code == 0, done.output
    assert asked == [champion.ALIAS]
    assert "There is no champion yet" in done.output
    assert "no such folder" in invoke("good", "--champion", "7").output
    assert asked[-1] == "7"


def test_champion_of_the_registry_is_named_with_its_version(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, folder: Path) -> dict[str, Any]:
        export(folder, contract("binary", ["a", "b"]), 0.0)
        return {"version": "4", "run_id": "abc", "commit": "def"}

    monkeypatch.setattr(champion, "_fetch", fetch)
    assert "the champion (version 4)" in invoke("bad").output
    assert "abc" in Path("reports/review.md").read_text(encoding="utf-8")


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
    found = champion.find("git:HEAD~1", model, tmp_path / "found")
    assert found is not None
    assert (found[0] / "model.onnx").read_text(encoding="utf-8") == "old"
    assert found[1]["name"] == "HEAD~1"
    with pytest.raises(ProjectError, match="no such revision"):
        champion.find("git:nothing", model, tmp_path / "nothing")
