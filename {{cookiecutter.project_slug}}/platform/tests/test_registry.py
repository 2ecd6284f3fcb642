"""Approved models become versions, versions become champions, and all of it can be found again."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts, gitops, models, tables
from onnx import TensorProto, helper

from mlgitops.batch import score
from mlgitops.common import files, project
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.synthetic import example_rows
from mlgitops.data import frame
from mlgitops.data.profile import digests
from mlgitops.data.reading import IngestReport
from mlgitops.model import tracking
from mlgitops.model.scorer import Scorer, digest
from mlgitops.registry import command, promotions, registration, versions
from mlgitops.registry.registration import CHALLENGER
from mlgitops.store import mlflow_backend, paths

TASKS = tuple(contracts.TARGETS)


@pytest.fixture(autouse=True)
def _mlflow(mlflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a tracking store of its own."""
    shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """Return an exported model among the other outputs of its pipeline, reviewed and accepted."""
    outputs, reports = tmp_path / "models", tmp_path / "reports"
    shutil.copytree(exported, outputs / "export")
    shutil.copy(exported.parent / "trained.onnx", outputs)
    files.write_json(reports / "cross_validation.json", {"metric": "score", "mean": 0.75, "std": 0.1, "folds": [0.75]})
    accept(outputs / "export")
    return outputs / "export"


def accept(folder: Path, accepted: bool = True) -> Path:
    """Write the review of the model in *folder*, and return its path."""
    path = folder.parent.parent / "reports" / "review.json"
    verdict = "Model accepted" if accepted else "Model refused by min_score"
    model = digest(folder / "model.onnx")
    report = {"accepted": accepted, "verdict": verdict, "outcome": "score 0.8 on 7 rows", "model_sha256": model}
    files.write_json(path, report)
    return path


def changed(folder: Path, threshold: float) -> Path:
    """Change the threshold of the model in *folder*, which makes it another model, and return the folder."""
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "threshold": threshold})
    return folder


def register(folder: Path, threshold: float | None = None) -> str:
    """Register the model in *folder*, with another threshold if there is one."""
    return command.register(changed(folder, threshold) if threshold else folder, accept(folder))


def listed() -> list[str]:
    """Return the numbers of all versions."""
    return [str(version.version) for version in versions.listed(mlflow_backend.connect())]


def aliases() -> dict[str, str]:
    """Return the version behind each alias."""
    return versions.aliases(mlflow_backend.connect())


def history() -> list[promotions.Promotion]:
    """Return every promotion, the oldest first."""
    return promotions.records(mlflow_backend.connect())


def test_a_model_is_one_version_however_often_it_is_registered(model: Path) -> None:
    assert [register(model), register(model)] == ["1", "1"]
    assert [register(model, 0.3), register(model, 0.3), register(model, 0.4)] == ["2", "2", "3"]
    assert listed() == ["1", "2", "3"]
    assert aliases() == {CHALLENGER: "3"}


def test_a_version_and_its_run_name_each_other_and_the_source_of_the_data(
    model: Path, tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = gitops.project(origin, tmp_path / "checkout")
    report = IngestReport("data/houses.csv", "csv", 7, 2, {"encoding": "utf-8"}, ())
    report.save(model.parent.parent / "reports/ingest.json")
    sums = digests(model.parent.parent / "reports/ingest.json")
    lock = {"stages": {"ingest": {"outs": [{"path": "reports/ingest.json", "md5": sums[1]}]}}}
    (checkout / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    head = gitops.push(checkout, "Model")
    monkeypatch.chdir(checkout)
    register(model)
    client = mlflow_backend.connect()
    version = versions.existing(client, "1")
    assert version.tags["source"] == "data/houses.csv"
    assert version.tags["source_read"] == report.describe()
    assert version.tags["run_commit"] == head
    run = client.get_run(version.run_id).data.tags
    assert (run["version"], run["version_commit"]) == ("1", head)


def test_a_report_of_other_data_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(models.touch_package(tmp_path / "other"))
    report = tmp_path / "ingest.json"
    IngestReport("data/houses.csv", "csv", 7, 2, {}, ()).save(report)
    for lock in (None, "stages: {}\n"):
        if lock:
            Path("dvc.lock").write_text(lock, encoding="utf-8")
        assert registration.source(report) == {}


def test_the_newly_registered_model_is_the_challenger_also_when_it_is_an_old_one(model: Path) -> None:
    first = files.read_json(model / "manifest.json")["threshold"]
    register(model)
    register(model, 0.3)
    assert register(model, first) == "1"
    assert aliases() == {CHALLENGER: "1"}


def test_of_two_registrations_at_once_one_makes_the_version(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = versions.upload

    def slow(*arguments: Any) -> str:
        monkeypatch.setattr(versions, "upload", upload)
        assert register(model) == "1", "the other process, in the midst of ours"
        return upload(*arguments)

    monkeypatch.setattr(versions, "upload", slow)
    assert register(model) == "1"
    assert listed() == ["1"]
    client = mlflow_backend.connect()
    place = tracking.experiment(client)
    assert sorted(found.name for found in client.search_logged_models([place])) == ["export"]
    assert len(client.search_runs([place])) == 1


def test_two_runs_that_are_recorded_at_once_leave_one(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = registration.record

    def slow(training: tracking.Training) -> str:
        monkeypatch.setattr(registration, "record", record)
        assert register(model) == "1", "the other process, in the midst of ours"
        return record(training)

    monkeypatch.setattr(registration, "record", slow)
    assert register(model) == "1"
    client = mlflow_backend.connect()
    (run,) = client.search_runs([tracking.experiment(client)])
    assert versions.existing(client, "1").run_id == run.info.run_id


def test_only_an_accepted_model_is_registered(model: Path) -> None:
    review = accept(model, accepted=False)
    with pytest.raises(ProjectError, match="refused by min_score"):
        command.register(model, review)
    accept(model)
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes() + b"\0")
    manifest = files.read_json(model / "manifest.json")
    manifest["files"]["model.onnx"] = digest(model / "model.onnx")
    files.write_json(model / "manifest.json", manifest)
    with pytest.raises(ProjectError, match="is not about the model"):
        command.register(model, review)
    review.unlink()
    with pytest.raises(ProjectError, match=r"review\.json is missing"):
        command.register(model, review)
    assert listed() == []


def test_a_version_says_where_it_comes_from(model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    models.write_project(tmp_path, contracts.example())
    (tmp_path / "uv.lock").write_text("locked", encoding="utf-8")
    lock = {"stages": {"ingest": {"outs": [{"path": "data/raw.parquet", "md5": "0123"}, {"path": "kept/by/git"}]}}}
    (tmp_path / "dvc.lock").write_text(json.dumps(lock), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registration, "commit", lambda: "c0ffee")
    register(model)
    client, manifest = mlflow_backend.connect(), files.read_json(model / "manifest.json")
    version = versions.existing(client, "1")
    assert version.description == (model / "card.md").read_text(encoding="utf-8")[: versions.MAX_DESCRIPTION_CHARS]
    known = {
        "git_commit": "c0ffee",
        "dvc/data/raw.parquet": "0123",
        "uv.lock_sha256": digest(tmp_path / "uv.lock"),
        "dvc.lock_sha256": digest(tmp_path / "dvc.lock"),
        "manifest_sha256": digest(model / "manifest.json"),
        "model_sha256": digest(model / "model.onnx"),
        "pipeline_sha256": digest(model.parent / "trained.onnx"),
        "contract_sha256": manifest["contract_sha256"],
        "test_sha256": manifest["test_sha256"],
        "test_score": str(manifest["metrics"]["score"]),
        "review_sha256": digest(model.parent.parent / "reports" / "review.json"),
    }
    assert {name: version.tags[name] for name in known} == known
    assert version.tags["evidence"] == "Model accepted: score 0.8 on 7 rows"
    run = client.get_run(version.run_id)
    assert run.data.params["model.algorithm"] == manifest["params"]["model"]["algorithm"]
    assert run.data.metrics.items() >= {"cv_score": 0.75, "test_score": manifest["metrics"]["score"]}.items()
    model_id = version.source.removeprefix("models:/")
    measured = {metric.key: metric.value for metric in client.get_logged_model(model_id).metrics}
    assert measured["test_score"] == manifest["metrics"]["score"]


def test_the_run_that_trained_the_model_is_not_recorded_again(model: Path, exported: Path) -> None:
    manifest, report = files.read_json(model / "manifest.json"), {"metric": "score", "mean": 0.5, "std": 0.0}
    contract, pipeline = Contract.load(model / "contract.yaml"), model.parent / "trained.onnx"
    data = exported.parent / "test.parquet"
    run = tracking.record(tracking.Training(contract, manifest["params"], pipeline, "boosting", report, data))
    pipeline.unlink()
    register(model)
    found = versions.existing(mlflow_backend.connect(), "1")
    assert found.run_id == run
    assert versions.facts(mlflow_backend.connect(), found).train_sha256 == digest(data)  # the image's label `data`


def test_a_run_that_cannot_be_recorded_again_stops_the_registration(model: Path) -> None:
    (model.parent / "trained.onnx").write_bytes(b"of another model")
    with pytest.raises(ProjectError, match="no run of the model"):
        register(model)
    assert listed() == []


def test_the_champion_follows_promotions_and_goes_back_step_by_step(model: Path) -> None:
    for threshold in (0.2, 0.3, 0.4):
        register(model, threshold)
        assert command.promote() == (str(int(threshold * 10) - 1), True)
    assert command.promote("3") == ("3", False), "promoted already"
    assert command.rollback("it was slow") == "2"
    assert command.rollback() == "1"
    with pytest.raises(ProjectError, match="version 1 is the only champion"):
        command.rollback()
    assert command.promote("v3") == ("3", True)
    assert command.rollback() == "1"
    past = [(one.version, one.rollback) for one in history()]
    assert past == [("1", False), ("2", False), ("3", False), ("2", True), ("1", True), ("3", False), ("1", True)]
    assert aliases() == {CHALLENGER: "3", promotions.CHAMPION: "1"}
    assert history()[3].evidence.startswith("it was slow; Model accepted")


def test_rollback_that_was_decided_in_git_is_recorded_as_one(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    for threshold in (0.2, 0.3, 0.4):
        register(model, threshold)
    for version, back in (("1", False), ("3", False), ("2", True), ("1", True)):  # 2 was replaced before it ran
        assert command.promote(version, back=back) == (version, True)
        assert aliases()[promotions.CHAMPION] == version == command.champion()
    assert promotions.line(history()) == ["1"]
    assert [line.split()[2:4] for line in promotions.page(history()).splitlines()[3:]] == [["rolled", "back"]] * 2
    assert command.promote("3") == ("3", True)
    assert command.previous() == "1"


def test_of_two_promotions_at_once_alias_and_history_agree(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(model)
    register(model, 0.3)
    client = mlflow_backend.connect()
    move = type(client).set_registered_model_alias

    def slow(*arguments: Any) -> None:
        monkeypatch.setattr(type(client), "set_registered_model_alias", move)
        assert command.promote("2") == ("2", True), "the other process, in the midst of ours"
        move(*arguments)

    monkeypatch.setattr(type(client), "set_registered_model_alias", slow)
    command.promote("1")
    assert aliases()[promotions.CHAMPION] == history()[-1].version == "2"


def test_history_is_told_as_a_table(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    run = CliRunner().invoke
    assert "no version was promoted yet" in run(command.main, ["history"]).output
    register(model)
    assert "version 1 is now the champion" in run(command.main, ["promote", "--reason", "pull request 7"]).output
    head, line = run(command.main, ["history"]).output.splitlines()
    assert head.split() == ["when", "who", "did", "version", "evidence"]
    assert line.split()[1:4] == ["ada", "promoted", "1"]
    assert "pull request 7" in line


def test_an_unknown_version_is_refused_with_those_that_exist(model: Path) -> None:
    with pytest.raises(ProjectError, match="available: none yet"):
        command.promote()
    register(model)
    with pytest.raises(ProjectError, match=r"no version '7' of \w+: available: 1 \(challenger is 1\)"):
        command.promote("7")


def test_fetched_files_are_the_registered_ones(model: Path, tmp_path: Path) -> None:
    assert command.fetch(CHALLENGER, tmp_path / "back") is None
    register(model)
    assert command.fetch("2", tmp_path / "back") is None
    assert command.fetch(promotions.CHAMPION, tmp_path / "back") is None
    facts = command.fetch(CHALLENGER, tmp_path / "back")
    assert facts
    assert facts.version == "1"
    assert list(facts.aliases) == [CHALLENGER]
    names = sorted(path.name for path in model.iterdir())
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == names
    assert all((tmp_path / "back" / name).read_bytes() == (model / name).read_bytes() for name in names)


def test_a_table_is_scored_by_the_version_that_is_named(model: Path) -> None:
    with pytest.raises(ProjectError, match="no version 'champion'"), score.load("champion"):
        pass
    register(model, 0.25)
    register(model, 0.75)
    command.promote("1")
    for which, version, threshold in (("champion", "1", 0.25), (CHALLENGER, "2", 0.75), ("1", "1", 0.25)):
        with score.load(which) as (scorer, name):
            assert (name, scorer.threshold) == (version, threshold)


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_version_whose_files_were_changed_is_not_fetched(name: str, model: Path, tmp_path: Path) -> None:
    register(model)
    (kept,) = tmp_path.glob(f"artifacts/models/*/artifacts/artifacts/export/{name}")
    kept.write_bytes(kept.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(ProjectError, match=r"was exported|after registration"):
        command.fetch("1", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_mlflow_loads_a_version_that_answers_as_the_service(model: Path) -> None:
    import mlflow.pyfunc

    register(model)
    command.promote()
    loaded = mlflow.pyfunc.load_model(f"models:/{project.name()}@champion")
    golden = files.read_json(model / "golden.json")
    assert loaded.predict(pd.DataFrame(golden["rows"])).to_dict("records") == golden["answers"]
    assert loaded.predict(pd.DataFrame(golden["rows"][:1])).to_dict("records") == golden["answers"][:1]
    contract = Contract.load(model / "contract.yaml")
    declared = {column.name: column.required for column in loaded.metadata.signature.inputs}
    assert declared == {name: not column.missing for name, column in contract.inputs.items()}


@pytest.mark.parametrize("task", TASKS)
def test_mlflow_reads_columns_of_every_type_as_frames_have_them(task: str, tmp_path: Path) -> None:
    import mlflow.pyfunc

    folder = models.exported(contracts.wide(task), tmp_path)
    command.import_model(folder / "model.onnx", folder / "contract.yaml", "a test")
    loaded, scorer = mlflow.pyfunc.load_model(f"models:/{project.name()}@{CHALLENGER}"), Scorer(folder)
    rows = tables.rows(task, 40).drop(columns="y").astype({"large": float})
    wanted = files.read_json(folder / "golden.json")
    assert loaded.predict(pd.DataFrame(wanted["rows"])).to_dict("records") == wanted["answers"]
    typed = frame.parse(rows, scorer.contract)
    answers = scorer.answers(frame.columns(typed, scorer.contract))
    assert loaded.predict(rows).to_dict("records") == answers
    assert loaded.predict(typed.rename(index=lambda row: row + 5)).to_dict("records") == answers
    assert loaded.predict(rows.drop(columns="gaps").assign(plain=1)).shape[0] == 40
    for name, cell in {"plain": "far", "été": "nowhere", "day": "yesterday", "count of things": 1.5}.items():
        with pytest.raises(mlflow.MlflowException, match=f"row 0, {name}"):
            loaded.predict(rows.assign(**{name: cell}))
    with pytest.raises(mlflow.MlflowException, match="plain"):
        loaded.predict(rows.drop(columns="plain"))


def test_a_folder_that_was_moved_keeps_its_versions(
    model: Path, tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    old, new = tmp_path / "here", tmp_path / "there"
    for folder in (old, new):
        folder.mkdir()
        models.write_project(folder, contracts.example())
    monkeypatch.chdir(old)
    shutil.copy(mlflow_database, paths.store() / "mlflow" / "mlflow.db")
    register(model)
    (old / ".store").rename(new / ".store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.chdir(new)
    assert command.fetch(CHALLENGER, tmp_path / "back")
    assert (tmp_path / "back" / "model.onnx").read_bytes() == (model / "model.onnx").read_bytes()
    database = sqlite3.connect(new / ".store" / "mlflow" / "mlflow.db")
    for column, kind in {"artifact_uri": "runs", "storage_location": "model_versions"}.items():
        ((place,),) = database.execute(f"select {column} from {kind}").fetchall()  # noqa: S608  # names from above
        assert place.startswith("store:/mlflow/artifacts/")


def test_an_address_outside_of_the_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.touch_project(tmp_path))
    with pytest.raises(ProjectError, match="outside"):
        mlflow_backend.artifacts("store:/../../etc")


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(ProjectError, match=r"http://127\.0\.0\.1:9 does not answer: start it.*refused"):
        history()


def graph(folder: Path, task: str, **changes: Any) -> Path:
    """Write an ONNX model of `DECLARED`: its answer is made of the sigmoid of its number."""
    kinds = {"number": TensorProto.FLOAT, "word": TensorProto.STRING} | changes.get("inputs", {})
    shape, width = changes.get("shape", [None, 1]), {"binary": 2, "multiclass": 3, "regression": 1}[task]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name, kind in kinds.items() if kind]
    steps = {
        "regression": [("Identity", ["s"], ["y"])],
        "binary": [("Sub", ["one", "s"], ["n"]), ("Concat", ["n", "s"], ["y"])],
        "multiclass": [("Sub", ["one", "s"], ["n"]), ("Mul", ["n", "half"], ["h"]), ("Concat", ["h", "h", "s"], ["y"])],
    }
    nodes = changes.get("steps", steps[task])
    made = [helper.make_node("Sigmoid", ["number"], ["s"])] + [
        helper.make_node(kind, before, after, **({"axis": 1} if kind == "Concat" else {}))
        for kind, before, after in nodes
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, changes.get("output", [None, width]))
    constants = [helper.make_tensor(n, TensorProto.FLOAT, [1], [v]) for n, v in {"one": 1.0, "half": 0.5}.items()]
    whole = helper.make_graph(made, "model", inputs, [output], constants)
    known = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(known, folder / "foreign.onnx")
    return folder / "foreign.onnx"


def declared(folder: Path, task: str) -> Path:
    """Write a contract of a number and a word."""
    columns = {"number": "{type: number, min: -5, max: 5}", "word": "{type: category, categories: [a, b]}"}
    text = contracts.contract(columns, task).model_dump(mode="json", exclude_none=True)
    (folder / "foreign.yaml").write_text(json.dumps(text), encoding="utf-8")
    return folder / "foreign.yaml"


@pytest.mark.parametrize("task", TASKS)
def test_a_model_from_elsewhere_becomes_a_version(task: str, tmp_path: Path) -> None:
    model, contract = graph(tmp_path, task), declared(tmp_path, task)
    assert command.import_model(model, contract, "the old system") == "1"
    assert command.import_model(model, contract, "the old system") == "1"
    facts = command.fetch(CHALLENGER, tmp_path / "back")
    assert facts
    assert facts.run_id is None
    assert versions.existing(mlflow_backend.connect(), "1").tags["evidence"] == "imported from the old system"
    assert "the old system" in (tmp_path / "back" / "card.md").read_text(encoding="utf-8")
    assert (tmp_path / "back" / "model.onnx").read_bytes() == model.read_bytes()
    scorer, golden = Scorer(tmp_path / "back"), files.read_json(tmp_path / "back" / "golden.json")
    assert golden["rows"] == example_rows(scorer.contract, 20)
    columns = {name: [row[name] for row in golden["rows"]] for name in scorer.contract.inputs}
    assert scorer.answers(columns) == golden["answers"]


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("binary", {"inputs": {"word": None}}, "input word: is missing"),
        ("binary", {"inputs": {"more": TensorProto.FLOAT}}, "input more: is not a feature"),
        ("binary", {"inputs": {"word": TensorProto.INT64}}, r"word: has type tensor\(int64\); a category feature"),
        ("binary", {"shape": [1, 1], "output": [1, 2]}, "dynamic number of rows and one column"),
        ("binary", {"output": [None, 3], "steps": [("Concat", ["s", "s", "s"], ["y"])]}, "must be 2 probabilities"),
        ("multiclass", {"output": [None, None], "steps": [("Identity", ["s"], ["y"])]}, "must be 3 probabilities"),
        ("regression", {"output": [None, 2], "steps": [("Concat", ["s", "s"], ["y"])]}, "must be a number"),
        ("regression", {"steps": [("Sub", ["s", "s"], ["n"]), ("Div", ["n", "n"], ["y"])]}, "not finite"),
        ("binary", {"steps": [("Concat", ["s", "s"], ["y"])]}, "probabilities with sum 1"),
    ],
)
def test_a_model_that_does_not_do_what_the_contract_says_is_refused(
    task: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model, contract = graph(tmp_path, task, **changes), declared(tmp_path, task)
    with pytest.raises(ProjectError, match=message):
        command.import_model(model, contract, "the old system")
    assert listed() == []


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_a_model_of_one_tensor_takes_the_features_in_the_order_of_the_contract(kind: int, tmp_path: Path) -> None:
    columns = {"number": "{type: number, min: -5, max: 5}", "count": "{type: integer, min: 0, max: 9}"}
    declaration = contracts.contract(columns).model_dump(mode="json", exclude_none=True)
    (tmp_path / "foreign.yaml").write_text(json.dumps(declaration), encoding="utf-8")
    weights = np.array([[1.0], [-0.5]], dtype=helper.tensor_dtype_to_np_dtype(kind))
    for width, name in ((2, "good"), (3, "wide")):
        nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Sigmoid", ["z"], ["y"])]
        ends = [helper.make_tensor_value_info(end, kind, [None, size]) for end, size in (("x", width), ("y", 1))]
        whole = helper.make_graph(nodes, "net", ends[:1], ends[1:], [onnx.numpy_helper.from_array(weights, "w")])
        model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / f"{name}.onnx")
    with pytest.raises(ProjectError, match=r"wide\.onnx: does not fit .*\n  input x: has 3 columns; .*: number, count"):
        command.import_model(tmp_path / "wide.onnx", tmp_path / "foreign.yaml", "a notebook")
    assert command.import_model(tmp_path / "good.onnx", tmp_path / "foreign.yaml", "a notebook") == "1"
    command.fetch(CHALLENGER, tmp_path / "back")
    scorer = Scorer(tmp_path / "back")
    answers = scorer.predict({"number": [1.0, -2.0], "count": [4, 0]})
    np.testing.assert_allclose(answers[:, 1], 1 / (1 + np.exp([1.0, 2.0])), rtol=1e-6)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("a letter", encoding="utf-8")
    with pytest.raises(ProjectError, match="cannot load this file"):
        command.import_model(tmp_path / "model.onnx", declared(tmp_path, "binary"), "the old system")
