"""The numbers that a model is judged by are the right ones."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common import files
from mlgitops.contract.params import Evaluate, Params
from mlgitops.data import frame
from mlgitops.model import bootstrap, curves, evaluate, metrics, pipeline, ranking, slices, train
from mlgitops.model.conversion import convert
from mlgitops.model.trained import Trained

ONE = {"x": "{type: number}"}
CURVES = {
    "binary": {"confusion", "roc", "precision_recall", "calibration", "gain", "lift"},
    "multiclass": {"confusion", "calibration"},
    "regression": {"residuals", "calibration"},
}
# four rows of two classes, and the probability of the second
TRUTH = np.array([0, 0, 1, 1])
POSITIVE = np.array([0.1, 0.4, 0.35, 0.8])
PREDICTED = np.column_stack([1 - POSITIVE, POSITIVE])


def test_binary_metrics_are_as_computed_by_hand() -> None:
    found = metrics.scores(contracts.contract(ONE), TRUTH, PREDICTED, 0.5)
    assert next(iter(found)) == "roc_auc"
    assert found == pytest.approx(
        {
            "roc_auc": 3 / 4,  # pairs in the right order: all but 0.4 before 0.35
            "accuracy": 3 / 4,
            "log_loss": -sum(map(math.log, (0.9, 0.6, 0.35, 0.8))) / 4,
            "average_precision": (1 + 2 / 3) / 2,
            "brier": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
            "precision": 1.0,
            "recall": 1 / 2,
            "f1": 2 / 3,
            "calibration_error": (0.1 + 0.4 + 0.65 + 0.2) / 4,  # each is alone in its bin
            "recall_at_precision_0.9": 1 / 2,
            "lift_at_0.1": 2.0,
        }
    )


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("average_precision", 5 / 6),
        ("recall_at_precision_0.6", 1.0),  # 2 of the first 3
        ("recall_at_precision_0.7", 1 / 2),
        ("lift_at_0.5", 1.0),  # 1 of the first 2, of which random rows have 1, too
        ("lift_at_0.75", 4 / 3),
    ],
)
def test_the_metric_of_the_contract_is_the_primary_one(metric: str, expected: float) -> None:
    contract = contracts.contract(ONE, metric=metric)
    assert metrics.score(contract, TRUTH, PREDICTED) == pytest.approx(expected)
    found = metrics.scores(contract, TRUTH, PREDICTED, 0.5)
    assert next(iter(found.items())) == (metric, pytest.approx(expected))
    drawn = bootstrap.measure(contract, TRUTH, PREDICTED, 0.5)(np.ones(4))
    assert {name: drawn[name] for name in found} == pytest.approx(found)
    assert math.isnan(metrics.score(contract, np.ones(4), PREDICTED))


@pytest.mark.parametrize(
    ("task", "metric"),
    [("binary", "rmse"), ("binary", "recall_at_precision_1.5"), ("binary", "lift_at_0.0"), ("regression", "roc_auc")],
)
def test_a_metric_of_another_task_is_refused_with_those_that_there_are(task: str, metric: str) -> None:
    with pytest.raises(ValueError, match=f"'{metric}' is no primary metric of task {task}: choose one of "):
        contracts.contract(ONE, task, metric=metric)


def test_rows_of_equal_probability_count_evenly_in_gain_and_lift() -> None:
    hits, rows = ranking.cumulated(np.array([True, False, False, True, False]), np.array([0.9, 0.5, 0.5, 0.5, 0.1]))
    assert (hits.tolist(), rows.tolist()) == ([1, 2, 2], [1, 4, 5])
    shares = np.array([0.2, 0.4, 0.8, 1.0])
    np.testing.assert_allclose(ranking.gain(hits, rows, shares), [1 / 2, 2 / 3, 1, 1])
    assert ranking.lift_at(hits, rows, 0.4) == pytest.approx((2 / 3) / 0.4)
    assert ranking.recall_at_precision(hits, rows, 0.99) == 1 / 2
    assert ranking.recall_at_precision(np.array([0.0, 1.0]), np.array([1.0, 2.0]), 0.9) == 0


@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
def test_class_weights_are_a_setting_that_finds_more_of_a_rare_class(algorithm: str) -> None:
    contract = contracts.contract({"x": "{type: number}"})
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"x": random.normal(size=600)})
    rows = frame.parse(rows.assign(y=rows["x"] + random.normal(size=600) > 2.2), contract)
    settings, inputs = contracts.settings(algorithm), frame.features(rows, contract)
    plain, balanced = (
        pipeline.predict(train.fit(contract, settings | more, rows), inputs, contract)[:, 1]
        for more in ({}, {"class_weight": "balanced"})
    )
    assert (balanced >= 0.5).sum() > 1.5 * (plain >= 0.5).sum()


def test_the_threshold_decides() -> None:
    found = metrics.scores(contracts.contract(ONE), TRUTH, PREDICTED, 0.35)
    assert (found["recall"], found["precision"], found["accuracy"]) == pytest.approx((1, 2 / 3, 3 / 4))
    assert found["roc_auc"] == 3 / 4


def test_multiclass_metrics_are_as_computed_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    guess = np.array([0, 0, 1, 1, 2, 2])
    predicted = np.full((6, 3), 0.2)
    predicted[np.arange(6), guess] = 0.6
    found = metrics.scores(contracts.contract(ONE, "multiclass"), truth, predicted, 0.5)
    assert found == pytest.approx(
        {
            "f1_macro": (4 / 5 + 1 / 2 + 2 / 3) / 3,
            "accuracy": 4 / 6,
            "log_loss": -(4 * math.log(0.6) + 2 * math.log(0.2)) / 6,
            "balanced_accuracy": (2 / 3 + 1 / 2 + 1) / 3,
        }
    )


def test_regression_metrics_are_as_computed_by_hand() -> None:
    truth, predicted = np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 3.0, 2.0])
    found = metrics.scores(contracts.contract(ONE, "regression"), truth, predicted, 0.5)
    assert found == pytest.approx({"r2": 1 - 17 / 14, "mae": 5 / 4, "rmse": math.sqrt(17 / 4), "median_error": 0.5})


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_rows_that_are_all_the_same_have_no_primary_metric(task: str) -> None:
    predicted = np.ones(5) if task == "regression" else np.full((5, 3), 1 / 3)
    assert math.isnan(metrics.primary(task, np.ones(5), predicted))


def test_the_confusion_counts_every_row_once() -> None:
    found = curves.curves(contracts.contract(ONE), TRUTH, PREDICTED, 0.5)["confusion"]
    assert found.to_numpy().tolist() == [
        ["false", "false", 2],
        ["false", "true", 0],
        ["true", "false", 1],
        ["true", "true", 1],
    ]


def test_the_roc_curve_encloses_the_area_that_the_metric_says() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 2000)
    positive = np.clip(truth * 0.3 + random.random(2000) * 0.7, 0, 1)
    predicted = np.column_stack([1 - positive, positive])
    roc = curves.curves(contracts.contract(ONE), truth, predicted, 0.5)["roc"].to_numpy()
    assert np.trapezoid(roc[:, 1], roc[:, 0]) == pytest.approx(metrics.primary("binary", truth, predicted), abs=0.005)
    assert (np.diff(roc, axis=0) >= 0).all()


def test_residuals_are_quantiles_of_the_error() -> None:
    truth, predicted = np.zeros(11), np.array([-2.0, -1.5, -1.0, -1.0, 0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0])
    found = curves.curves(contracts.contract(ONE, "regression"), truth, predicted, 0.5)["residuals"]
    assert found["residual"].iloc[[0, 10, 50, 90, 100]].tolist() == [-2, -1.5, 1, 3.5, 4]


def looks(least: int) -> Evaluate:
    return Evaluate(threshold=0.5, importance_rows=100, min_slice_rows=least)


def test_slices_are_scored_alone_and_those_that_say_nothing_are_left_out() -> None:
    contract = contracts.contract(
        {"shop": "{type: category, categories: [a, b, c], missing: true}", "flag": "{type: boolean}"}
    )
    shops = ["a"] * 4 + ["b"] * 4 + ["c"] * 3 + [None] * 4
    y = [False, False, True, True, *[True] * 4, False, True, True, *[False, True] * 2]
    rows = frame.parse(pd.DataFrame({"shop": shops, "flag": [True, False] * 7 + [True], "y": y}), contract)
    positive = np.concatenate([POSITIVE, np.full(4, 0.5), [0.9, 0.1, 0.2], [0.2, 0.3, 0.7, 0.6]])
    predicted = np.column_stack([1 - positive, positive])
    found = slices.slices(contract, rows, predicted, looks(4))
    assert list(found) == ["column", "value", "rows", "roc_auc"]
    shop = found[found["column"] == "shop"]
    # b has one class only, c too few rows
    assert shop.drop(columns="column").to_numpy().tolist() == [["a", 4, 0.75], ["missing", 4, 0.5]]
    assert found.loc[found["column"] == "flag", ["value", "rows"]].to_numpy().tolist() == [["False", 7], ["True", 8]]
    assert "c" in slices.slices(contract, rows, predicted, looks(3))["value"].tolist()


def test_what_the_model_looks_at_is_the_most_important() -> None:
    contract = contracts.contract({"noise": "{type: number}", "signal": "{type: number}"})
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"noise": random.random(200), "signal": random.random(200)})
    rows = frame.parse(rows.assign(y=rows["signal"] > 0.5), contract)
    fitted = train.fit(contract, contracts.settings("boosting"), rows)
    found = evaluate.importance(contract, Trained(convert(fitted, contract), contract), rows, seed=0)
    assert found["feature"].tolist() == ["signal", "noise"]
    assert found["importance"].tolist() == [pytest.approx(0.5, abs=0.2), pytest.approx(0, abs=0.05)]


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_the_stage_writes_the_same_bytes_twice(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.project(tmp_path, task))
    written = []
    for name in ("one", "two"):
        outputs = [f"{name}/metrics.json", f"{name}/plots"]
        answer = CliRunner().invoke(evaluate.main, ["test.parquet", "trained.onnx", *outputs])
        assert answer.exit_code == 0, answer.output
        paths = sorted(path for path in Path(name).rglob("*") if path.is_file())
        written.append({str(path.relative_to(name)): path.read_bytes() for path in paths})
    assert written[0] == written[1]
    names = CURVES[task] | {"slices", "importance"}
    assert written[0].keys() == {"metrics.json", *(f"plots/{curve}.csv" for curve in names)}
    found = files.read_json(Path("one/metrics.json"))
    assert found["rows"] == len(pd.read_parquet("test.parquet"))
    assert list(found)[1] == metrics.PRIMARY[task]
    for curve in names - {"slices"}:
        assert not pd.read_csv(f"one/plots/{curve}.csv").isna().any().any(), curve


def test_an_aim_takes_its_threshold_from_the_report_of_train_and_the_report_says_what_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.project(tmp_path))
    params = json.loads(Params.load(Path("params.yaml")).model_dump_json())
    params["evaluate"]["threshold"] = "f1"
    files.write_json(Path("params.yaml"), params)
    words = ["test.parquet", "trained.onnx", "metrics.json", "plots"]
    answer = CliRunner().invoke(evaluate.main, words)
    assert (answer.exit_code, "run train" in answer.output) == (1, True)
    leak = {"columns": ["plain"], "score": 0.999, "formula": ""}
    table = {
        "thresholds": [0.2, 0.4],
        "true_positives": [9, 8],
        "false_positives": [9, 1],
        "positives": 9,
        "negatives": 9,
    }
    files.write_json(Path("cross_validation.json"), {"thresholds": table, "leaks": [leak]})
    answer = CliRunner().invoke(evaluate.main, [*words, "--cross-validation", "cross_validation.json"])
    assert answer.exit_code == 0, answer.output
    rows, found = pd.read_parquet("test.parquet"), files.read_json(Path("metrics.json"))
    decided = found["decision"]
    assert (decided["threshold"], decided["aim"]) == (0.4, "the largest f1")
    assert found["leaks"] == [leak]
    assert found["table"] == {"rows": len(rows), "without_target": 0}
    (negative, false), (missed, hits) = decided["confusion"]
    assert negative + false + missed + hits == len(rows)
    assert found["accuracy"] == pytest.approx((negative + hits) / len(rows))
    assert found["recall"] == pytest.approx(hits / (missed + hits))
    most = decided["most_frequent"]
    assert most["class"] == str(bool(rows["y"].mean() > 0.5)).lower()
    assert most["accuracy"] == pytest.approx(max(rows["y"].mean(), 1 - rows["y"].mean()))
    assert decided["confusion"][0] != decided["confusion"][1]
