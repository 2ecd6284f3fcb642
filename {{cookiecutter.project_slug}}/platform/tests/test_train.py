"""Training gives the same model for the same data, finds settings, and records what it did."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models, tables

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Train
from mlgitops.data import frame, window
from mlgitops.model import pipeline, rehearsal, tracking, train, trained
from mlgitops.model.conversion import convert
from mlgitops.model.cross_validation import backtest, predictions, prepare
from mlgitops.model.folds import folds
from mlgitops.model.scorer import digest
from mlgitops.store import mlflow_backend
from mlgitops.store.paths import store

TRAIN = contracts.PARAMS.train
EACH = [(algorithm, task) for algorithm in contracts.ALGORITHMS for task in contracts.TARGETS]


def cross_validate(contract: Contract, settings: dict[str, Any], params: Train, rows: pd.DataFrame) -> list[float]:
    return [fold.score for fold in predictions(contract, settings, prepare(contract, params, rows))]


@pytest.mark.parametrize(("algorithm", "task"), EACH)
def test_every_algorithm_learns_every_task_and_is_read_back_the_same(algorithm: str, task: str, tmp_path: Path) -> None:
    contract, fitted = contracts.wide(task), models.fitted(algorithm, task)
    inputs = frame.features(frame.parse(tables.rows(task, seed=1, strange=True), contract), contract)
    predicted = pipeline.predict(fitted, inputs, contract)
    trained.write(
        tmp_path / "trained.onnx", *rehearsal.exported(contract, contracts.settings(algorithm), fitted, inputs)
    )
    loaded = trained.load(tmp_path / "trained.onnx", contract)
    np.testing.assert_allclose(loaded.predict(inputs), predicted, rtol=1e-4, atol=1e-5)
    assert loaded.description().label == algorithm
    assert loaded.description().difference.rows == len(inputs) + rehearsal.ROWS
    assert predicted.shape == ((len(inputs), len(contract.classes)) if contract.classes else (len(inputs),))
    assert np.isfinite(predicted).all()
    if contract.classes:
        np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("algorithm", "task"), EACH)
def test_every_algorithm_is_better_than_guessing(algorithm: str, task: str) -> None:
    rows = frame.parse(tables.rows(task, 400, seed=3), contracts.wide(task))
    scores = cross_validate(contracts.wide(task), contracts.settings(algorithm), TRAIN, rows)
    assert len(scores) == 3
    assert np.mean(scores) > {"binary": 0.6, "multiclass": 0.4, "regression": 0.2}[task]


def test_another_seed_gives_another_forest() -> None:
    contract, rows = contracts.wide(), frame.parse(tables.rows(), contracts.wide())
    other = contracts.settings("forest") | {"random_state": 8}
    inputs = frame.features(rows, contract)
    one, two = (
        pipeline.predict(train.fit(contract, s, rows), inputs, contract) for s in (contracts.settings("forest"), other)
    )
    assert (one != two).any()


def test_a_fold_without_every_class_is_left_out_and_without_any_other_it_is_refused() -> None:
    contract = contracts.contract({"t": "{type: datetime}", "x": "{type: number}"}, time="t")
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(80), unit="h")
    rows = pd.DataFrame({"t": moments, "x": np.arange(80) % 7.0, "y": np.arange(80) % 3 == 0})
    rows = frame.parse(rows, contract)
    late = rows.assign(y=rows["y"] & (np.arange(80) >= 25))  # none in what the first of three folds learns from
    assert len(cross_validate(contract, contracts.settings("linear"), TRAIN, rows)) == 3
    assert len(cross_validate(contract, contracts.settings("linear"), TRAIN, late)) == 2
    with pytest.raises(ProjectError, match=r"lower train\.folds in params\.yaml"):
        cross_validate(contract, contracts.settings("linear"), TRAIN, rows.assign(y=False))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_what_is_only_known_by_heart_is_not_taken_for_knowledge(task: str) -> None:
    contract = contracts.contract({"n": "{type: number}"}, task)
    drawn = np.random.default_rng(3).random(300)
    rows = pd.DataFrame({"n": np.arange(300.0), "y": drawn if task == "regression" else drawn > 0.5})
    scores = cross_validate(contract, contracts.settings("forest"), TRAIN, frame.parse(pd.concat([rows] * 3), contract))
    assert np.mean(scores) < (0.2 if task == "regression" else 0.65), "each row is in one fold, with those like it"


def test_a_whole_number_as_target_is_not_taken_for_classes() -> None:
    contract = contracts.contract({"c": "{type: category}", "n": "{type: number}"}, "regression")
    rows = pd.DataFrame({"c": [f"c{n % 9}" for n in range(90)], "n": np.arange(90.0), "y": np.arange(90) % 9 * 10.0})
    for algorithm in contracts.ALGORITHMS:
        fitted = train.fit(contract, contracts.settings(algorithm), frame.parse(rows, contract))
        encoder = dict(fitted["inputs"].named_transformers_)["means"]
        assert getattr(encoder, "target_type_", None) or encoder[0].target_type_ == "continuous"


def test_files_that_are_no_model_of_ours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "trained.onnx"
    for content in (b"", b"text", b"\x80\x04]."):
        path.write_bytes(content)
        with pytest.raises(ProjectError, match="ONNX Runtime cannot load this model"):
            trained.load(path, CONTRACT)
    path.write_bytes(convert(models.fitted("linear", "binary"), contracts.wide()))
    with pytest.raises(ProjectError, match="was not written by the stage train"):
        trained.load(path, contracts.wide()).description()
    with pytest.raises(ProjectError, match=r"absent\.onnx is missing: train it with `dvc repro`"):
        trained.load(tmp_path / "absent.onnx", CONTRACT)


CONTRACT = contracts.contract({"x": "{type: number}"})


def test_the_stage_writes_model_and_report_and_records_the_run(
    tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models.project(tmp_path)
    params = contracts.PARAMS.model_dump(mode="json")
    params["train"]["calibration"] = "sigmoid"
    (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    shutil.copy(mlflow_database, store() / "mlflow")
    answer = CliRunner().invoke(train.main, ["train.parquet", "out/trained.onnx", "out/report.json"])
    assert answer.exit_code == 0, answer.output
    report = files.read_json(folder / "out" / "report.json")
    assert report["metric"] == "roc_auc"
    assert report["mean"] == pytest.approx(np.mean(report["folds"]))
    assert report["leaks"] == []
    model = Path("out/trained.onnx").read_bytes()
    assert b"calibrated" in model
    table, rows = report["thresholds"], pd.read_parquet(folder / "train.parquet")
    assert (table["positives"], table["negatives"]) == (rows["y"].sum(), (~rows["y"]).sum())
    assert table["true_positives"] == sorted(table["true_positives"], reverse=True)

    client = mlflow_backend.connect()
    experiment = tracking.experiment(client)
    runs = client.search_runs([experiment], order_by=["attributes.start_time"])
    (run,) = runs
    assert run.info.run_id in answer.output
    assert run.data.metrics["cv_roc_auc"] == report["mean"]
    assert run.data.params["model.algorithm"] == "boosting"
    assert run.data.tags[tracking.PIPELINE_TAG] == digest(folder / "out" / "trained.onnx")
    (dataset,) = run.inputs.dataset_inputs
    assert digest(folder / "train.parquet").startswith(dataset.dataset.digest)
    assert {"environment.txt", "request.schema.json"} <= {file.path for file in client.list_artifacts(run.info.run_id)}
    logged = mlflow_backend.connect().download_artifacts(run.info.run_id, "model/trained.onnx", str(tmp_path))
    assert Path(logged).read_bytes() == (folder / "out" / "trained.onnx").read_bytes()
    assert {path.name for path in (folder / ".store").iterdir()} == {"mlflow"}


@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
def test_a_column_without_a_number_may_have_any_name(algorithm: str) -> None:
    contract = contracts.contract({"self": "{type: number, missing: true}", "n": "{type: number}"})
    rows = pd.DataFrame({"self": [None] * 90, "n": np.arange(90.0), "y": np.arange(90) > 40})
    rows = frame.parse(rows, contract)
    assert pipeline.predict(
        train.fit(contract, contracts.settings(algorithm), rows), frame.features(rows, contract), contract
    ).any()


GROUPED = contracts.contract({"g": "{type: text}", "t": "{type: datetime}", "x": "{type: number}"}, group="g")


def in_groups(groups: int, time: bool = False) -> tuple[Any, pd.DataFrame]:
    """Return a contract, and rows of which each group has another class, in the order of the train part."""
    contract = GROUPED.model_copy(update={"time": "t"}) if time else GROUPED
    number = np.arange(240) // (240 // groups)
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(240), unit="h")
    rows = pd.DataFrame({"g": [f"g{n}" for n in number], "t": moments, "x": number * 1.0, "y": number % 2 == 0})
    return contract, frame.parse(rows if time else rows.sample(frac=1, random_state=1), contract)


@pytest.mark.parametrize("time", [False, True])
def test_the_rows_of_a_group_are_in_one_fold(time: bool) -> None:
    contract, rows = in_groups(24, time)
    parts = list(folds(contract, TRAIN, rows, frame.target(rows, contract)))
    assert len(parts) == 3
    names = rows["g"].to_numpy()
    for train_rows, test_rows in parts:
        assert not set(names[train_rows]) & set(names[test_rows])
        assert not time or train_rows.max() < test_rows.min()
    tested = np.concatenate([test_rows for _, test_rows in parts])
    assert len(set(tested)) == len(tested) == (180 if time else 240)


def test_what_is_only_known_of_a_group_is_not_taken_for_knowledge() -> None:
    contract, rows = in_groups(40)
    alone = contracts.contract({"x": "{type: number}"})
    random = np.random.default_rng(4).random(40) > 0.5
    rows["y"] = pd.array(random[rows["x"].astype(int)], dtype="boolean")
    apart = rows.assign(x=rows["x"] + np.random.default_rng(5).random(240) / 10)
    assert np.mean(cross_validate(contract, contracts.settings("forest"), TRAIN, apart)) < 0.75
    assert np.mean(cross_validate(alone, contracts.settings("forest"), TRAIN, apart)) > 0.9


@pytest.mark.parametrize("time", [False, True])
def test_with_fewer_groups_than_folds_there_are_fewer_folds(time: bool) -> None:
    contract, rows = in_groups(4 if time else 2, time)
    many = TRAIN.model_copy(update={"folds": 10})
    parts = list(folds(contract, many, rows, frame.target(rows, contract)))
    assert len(parts) == (3 if time else 2)
    rows["g"] = "g0"
    with pytest.raises(ProjectError, match="train: g has 1 values in the train part, which are too few"):
        list(folds(contract, many, rows, frame.target(rows, contract)))


def test_classes_with_fewer_rows_than_folds_are_folded_all_the_same() -> None:
    contract, rows = in_groups(12)
    parts = list(folds(contract, TRAIN.model_copy(update={"folds": 10}), rows, frame.target(rows, contract)))
    assert len(parts) == 10
    assert all(len(test_rows) in (20, 40) for _, test_rows in parts)


def test_only_the_newest_days_are_learned_from_and_the_folds_follow_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.contract({"t": "{type: datetime}", "x": "{type: number}"}, time="t")
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(80), unit="D")
    rows = pd.DataFrame({"t": moments, "x": np.arange(80) % 7.0, "y": np.arange(80) % 3 == 0})
    rows = frame.parse(rows, contract)

    parts = [tmp_path / "train.parquet", tmp_path / "test.parquet"]
    for part, content in zip(parts, (rows[:70], rows[70:]), strict=True):
        content.to_parquet(part, index=False)
    pd.testing.assert_frame_equal(window.learned(parts, contract, None), rows)
    monkeypatch.delattr(pd, "read_parquet")  # which would read all rows
    kept = window.learned(parts, contract, "60d")
    pd.testing.assert_frame_equal(kept, rows[20:].reset_index(drop=True))
    validated = predictions(contract, contracts.settings("linear"), prepare(contract, TRAIN, kept))
    periods = backtest(kept["t"], validated)
    assert [(period["from"], period["to"], period["rows"]) for period in periods] == [
        ("2020-02-05 00:00:00", "2020-02-19 00:00:00", 15),
        ("2020-02-20 00:00:00", "2020-03-05 00:00:00", 15),
        ("2020-03-06 00:00:00", "2020-03-20 00:00:00", 15),
    ]
    assert [period["score"] for period in periods] == [fold.score for fold in validated]
    with pytest.raises(ProjectError, match=r"train\.window: 5d has 5 rows: make it longer"):
        window.learned(parts, contract, "5d")
    rows.assign(y=rows["y"] & (np.arange(80) < 50)).to_parquet(parts[0], index=False)
    with pytest.raises(ProjectError, match=r"train\.window: 20d has 20 rows, none with y true: make it longer"):
        window.learned(parts[:1], contract, "20d")


def test_classes_of_few_rows_are_named() -> None:
    contract = contracts.contract({"x": "{type: number}"}, "multiclass")
    assert train.rare(contract, np.repeat([0, 1, 2], [30, 6, 40])) == "y: few rows to learn from: mid (6)"
    assert train.rare(contract, np.repeat([0, 1, 2], 30)) == ""
    assert train.rare(contracts.contract({"x": "{type: number}"}, "regression"), np.ones(9)) == ""
