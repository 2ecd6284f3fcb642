"""The exported model answers as the trained one does, on any row, or it is not exported."""

import hashlib
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from helpers import contracts, models, tables
from sklearn.dummy import DummyClassifier

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract import row_schema
from mlgitops.contract.contract import Contract
from mlgitops.contract.model_inputs import Feature
from mlgitops.contract.params import Export
from mlgitops.data import frame
from mlgitops.data.encode import encode
from mlgitops.data.profile import Profile
from mlgitops.model import estimators, evaluate, export, pipeline, train, trained
from mlgitops.model.conversion import OLDEST, convert
from mlgitops.model.known_categories import known_categories
from mlgitops.model.parity import measure, parity
from mlgitops.model.scorer import Scorer

EACH = [(algorithm, task) for algorithm in contracts.ALGORITHMS for task in contracts.TARGETS]
STRICT = Export(probability_tolerance=1e-5, number_tolerance=1e-4, golden_rows=5)


def answers(model: bytes, contract: Contract, rows: pd.DataFrame) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = encode(frame.columns(rows, contract), contract)
    found = session.run([session.get_outputs()[-1].name], inputs)[0]
    return found if contract.classes else found[:, 0]


def equal(contract: Contract, algorithm: str, learned: pd.DataFrame, asked: pd.DataFrame) -> None:
    fitted = train.fit(contract, contracts.settings(algorithm), frame.parse(learned, contract))
    asked = frame.parse(asked, contract)
    trained = pipeline.predict(fitted, frame.features(asked, contract), contract)
    exported = answers(convert(fitted, contract), contract, asked)
    assert parity(contract, trained, exported, STRICT).rows == len(asked)


@pytest.mark.parametrize(("algorithm", "task"), EACH)
def test_trained_and_exported_agree_on_rows_unlike_those_of_training(algorithm: str, task: str) -> None:
    equal(contracts.wide(task), algorithm, tables.rows(task), tables.rows(task, 500, seed=1, strange=True))


SMALL = {
    "one number": {"x": "{type: number}"},
    "one closed category": {"x": "{type: category, categories: [a, b]}"},
    "one open category": {"x": "{type: category, missing: true}"},
    "one boolean": {"x": "{type: boolean, missing: true}"},
    "one time": {"x": "{type: datetime}"},
    "nothing at all": {"x": "{type: number, missing: true}"},
    "no category": {"x": "{type: category, missing: true}", "n": "{type: number}"},
}
CELLS = {
    "one number": lambda n: [n % 7 / 3 for n in range(n)],
    "one closed category": lambda n: ["a" if n % 3 else "b" for n in range(n)],
    "one open category": lambda n: [None if n % 11 == 0 else f"c{n % 40}" for n in range(n)],
    "one boolean": lambda n: [None if n % 11 == 0 else n % 3 == 0 for n in range(n)],
    "one time": lambda n: pd.date_range("1960-01-01", periods=n, freq="217h"),
    "nothing at all": lambda n: [None] * n,
    "no category": lambda n: [None] * n,
}


@pytest.mark.parametrize("shape", SMALL)
@pytest.mark.parametrize(("algorithm", "task"), EACH)
def test_trained_and_exported_agree_whatever_the_columns_are(algorithm: str, task: str, shape: str) -> None:
    contract = contracts.contract(SMALL[shape], task)
    rows = pd.DataFrame({"x": CELLS[shape](120), "n": np.arange(120) % 13})[[*SMALL[shape]]]
    classes = {"binary": [False, True, True], "multiclass": ["low", "mid", "high"], "regression": [1.0, 5.0, 2e6]}[task]
    rows["y"] = classes * 40
    equal(contract, algorithm, rows, rows)


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e7])
@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
def test_trained_and_exported_agree_on_numbers_of_any_size(algorithm: str, scale: float) -> None:
    contract = contracts.contract({"x": "{type: number}", "n": "{type: integer}"}, "regression")
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"x": random.normal(size=300) * scale, "n": 2**40 + random.integers(0, 2**40, 300)})
    rows["y"] = rows["x"] / scale * scale + random.normal(size=300) * scale / 10
    equal(contract, algorithm, rows, rows)


def test_trees_take_the_same_branch_where_numbers_are_neighbours_in_single_precision() -> None:
    steps = 1e9 + 64.0 * np.arange(60)
    rows = pd.DataFrame({"x": np.repeat(steps, 10), "y": np.repeat(np.arange(60) % 2 == 0, 10)})
    contract = contracts.contract({"x": "{type: number}"})
    for algorithm in ("boosting", "forest"):
        equal(contract, algorithm, rows, rows)
    inputs, truth = frame.features(rows, contract), rows["y"].to_numpy()
    settings = contracts.settings("boosting")
    plain = estimators.build(contract, **settings).fit(inputs, truth)
    ours = pipeline.fit(contract, settings, inputs, truth)
    np.testing.assert_array_equal(pipeline.predict(ours, inputs, contract), pipeline.predict(plain, inputs, contract))


def test_the_model_has_one_input_per_feature_with_its_type() -> None:
    contract = contracts.wide()
    model = onnx.load_from_string(convert(models.fitted("boosting", "binary"), contract))
    onnx.checker.check_model(model)
    kinds = {onnx.TensorProto.FLOAT: "number", onnx.TensorProto.STRING: "category"}
    found = [(put.name, kinds[put.type.tensor_type.elem_type]) for put in model.graph.input]
    assert found == [(feature.name, feature.kind) for feature in contract.features]
    domains = [version.domain for version in model.opset_import]
    assert {version.domain: version.version for version in model.opset_import} == OLDEST
    assert domains == sorted(domains)  # the converter leaves their order to the hash seed


def test_pipeline_and_model_have_the_same_bytes_in_another_process() -> None:
    here, there = models.digests(), models.digests_of_another_process()
    assert len(here) == 2 * len(EACH)
    assert here == there
    assert len(set(here.values())) == len(here)


def test_rows_that_differ_are_named_the_worst_first() -> None:
    trained = np.tile([0.75, 0.25], (8, 1))
    exported = trained.copy()
    exported[2] += [0.1, -0.1]
    exported[5] += [-0.3, 0.3]
    exported[7] += 1e-6
    with pytest.raises(ProjectError) as refused:
        parity(contracts.contract({"x": "{type: number}"}), trained, exported, STRICT)
    lines = refused.value.message.splitlines()
    assert lines[0] == "export: 2 of 8 rows differ by more than 1e-05; the most:"
    assert [line.split(":")[0] for line in lines[1:3]] == ["  row 5", "  row 2"]
    assert "trained [0.75, 0.25]" in lines[1]
    assert "params.yaml (export)" in lines[-1]


def test_an_answer_that_is_no_number_is_not_equal_to_one() -> None:
    contract = contracts.contract({"x": "{type: number}"}, "regression")
    with pytest.raises(ProjectError, match="1 of 2 rows"):
        parity(contract, np.array([1.0, 2.0]), np.array([1.0, np.nan]), STRICT)


@pytest.mark.parametrize(
    ("scale", "off", "fits"), [(1e6, 50, True), (1e6, 500, False), (1e-6, 1e-12, True), (1e-6, 1e-9, False)]
)
def test_numbers_are_compared_relative_to_their_size(scale: float, off: float, fits: bool) -> None:
    contract = contracts.contract({"x": "{type: number}"}, "regression")
    trained = np.array([scale, -scale, 0.0])  # zero has no size of its own: that of the others counts
    if fits:
        assert parity(contract, trained, trained + off, STRICT).largest_difference <= 1e-4
    else:
        with pytest.raises(ProjectError, match="3 of 3 rows"):
            parity(contract, trained, trained + off, STRICT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with an evaluated model, ready to be exported."""
    folder = models.project(tmp_path_factory.mktemp("project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        inputs = ["test.parquet", "trained.onnx", "metrics.json", "plots"]
        assert CliRunner().invoke(evaluate.main, inputs).exit_code == 0
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(folder: str = "out") -> Result:
    inputs = ["trained.onnx", "test.parquet", "metrics.json", "plots"]
    return CliRunner().invoke(export.main, [*inputs, folder, "--train", "train.parquet"])


def test_the_stage_writes_what_serving_needs_and_nothing_else(here: Path) -> None:
    answer = stage()
    assert answer.exit_code == 0, answer.output
    names = {
        "background.json",
        "model.onnx",
        "contract.yaml",
        "features.py",
        "request.schema.json",
        "card.md",
        "categories.json",
        "encode.js",
        "features.json",
        "score.html",
        "golden.json",
        "manifest.json",
        "profile.json",
    }
    assert {path.name for path in Path("out").iterdir()} == names
    assert Path("out/contract.yaml").read_bytes() == Path("contract.yaml").read_bytes()
    assert files.read_json(Path("out/request.schema.json")) == row_schema.json_schema(contracts.wide())
    assert files.read_json(Path("out/manifest.json"))["files"].keys() == names - {"manifest.json"}
    stage("again")
    for path in Path("out").iterdir():
        assert path.read_bytes() == Path("again", path.name).read_bytes(), path.name


def test_the_profile_describes_both_parts_of_the_data_and_names_no_rare_value(here: Path) -> None:
    contract, train = contracts.wide(), pd.read_parquet("train.parquet")
    train.loc[:1, "city"] = "a village of two"
    train.to_parquet("train.parquet", index=False)
    assert stage().exit_code == 0
    recorded = Profile.load(Path("out/profile.json"))
    assert list(recorded.parts) == ["train", "test"]
    for name, part in recorded.parts.items():
        rows = pd.read_parquet(f"{name}.parquet")
        content = Path(f"{name}.parquet").read_bytes()
        assert (part.rows, part.sha256) == (len(rows), hashlib.sha256(content).hexdigest())
        assert part.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert list(part.columns) == list(contract.columns)
        counted = {column: c.distribution.rows for column, c in part.columns.items() if c.distribution}
        assert set(counted.values()) == {len(rows)}
        assert contract.columns.keys() - counted.keys() == {"seen", "day"}
        assert part.columns["nothing"].missing == part.columns["nothing"].distribution.missing == len(rows)
        assert part.columns["seen"].first == str(rows["seen"].min())
        assert set(part.columns["y"].distribution.categories) == {"false", "true"}
        assert part.columns["plain"].mean == pytest.approx(rows["plain"].mean())
    assert "village" not in Path("out/profile.json").read_text(encoding="utf-8")
    assert recorded.parts["train"].columns["city"].distribution.others >= 2
    manifest = files.read_json(Path("out/manifest.json"))
    assert manifest["train_sha256"] == recorded.parts["train"].sha256
    importances = pd.read_csv("plots/importance.csv")
    assert list(manifest["importance"]) == list(importances["feature"])


def test_golden_rows_get_their_golden_answers_from_the_exported_model(here: Path) -> None:
    assert stage().exit_code == 0
    contract, scorer = contracts.wide(), Scorer(Path("out"))
    golden = files.read_json(Path("out/golden.json"))
    assert len(golden["rows"]) == len(golden["answers"]) >= 1
    typed = frame.parse(pd.DataFrame(golden["rows"]), contract)
    found = scorer.answers(frame.columns(typed, contract))
    assert json.loads(json.dumps(found)) == golden["answers"]
    rows = pd.read_parquet("test.parquet")
    learned = trained.load(Path("trained.onnx"), contract).predict(frame.features(rows, contract))
    exported = scorer.predict(frame.columns(rows, contract))
    np.testing.assert_array_equal(exported, learned)
    assert all(
        math.isclose(answer["probability"], p, abs_tol=1e-5)
        for answer, p in zip(golden["answers"][:1], learned[:1, 1], strict=True)
    )


def test_too_strict_a_tolerance_stops_the_stage_and_leaves_nothing_behind(here: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert "probability_tolerance: 1.0e-05" in text
    Path("params.yaml").write_text(
        text.replace("probability_tolerance: 1.0e-05", "probability_tolerance: 1.0e-12"), encoding="utf-8"
    )
    before = {path.name for path in here.iterdir()}
    answer = stage()
    assert answer.exit_code == 1
    assert "rows differ by more than 1e-12; the most:\n  row " in answer.output
    assert {path.name for path in here.iterdir()} == before


def test_a_model_that_train_found_to_answer_otherwise_stops_the_stage_and_the_old_export_stays(here: Path) -> None:
    assert stage().exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    path, contract = Path("trained.onnx"), contracts.wide()
    difference = measure(contract, np.array([[0.5, 0.5]] * 9), np.array([[0.5, 0.5]] * 8 + [[0.2, 0.8]]))
    description = replace(trained.load(path, contract).description(), difference=difference)
    trained.write(path, path.read_bytes(), description)
    answer = stage()
    assert answer.exit_code == 1
    assert "some of 9 rows differ by more than 1e-05; the most:\n  row 8: trained [0.5, 0.5], exported" in answer.output
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def test_an_answer_that_is_no_number_is_the_largest_difference() -> None:
    contract = contracts.contract({"x": "{type: number}"}, "regression")
    assert measure(contract, np.array([1.0, 2.0]), np.array([1.0, np.nan])).largest == math.inf


@pytest.mark.parametrize("name", ["model.onnx", "contract.yaml", "golden.json", "card.md"])
def test_a_changed_file_is_refused_before_the_model_is_loaded(here: Path, name: str) -> None:
    assert stage().exit_code == 0
    path = Path("out", name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=f"{name} is not the file that was exported"):
        Scorer(Path("out"))
    path.unlink()
    with pytest.raises(ProjectError, match=f"{name} is not the file that was exported"):
        Scorer(Path("out"))


def test_a_model_from_before_a_feature_was_added_still_answers(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage().exit_code == 0
    golden, before = files.read_json(Path("out/golden.json"))["rows"], Scorer(Path("out"))
    columns = {name: [row[name] for row in golden] for name in before.contract.inputs}
    wanted, known = before.predict(columns), before.contract.features
    monkeypatch.setattr(Contract, "features", (*known, Feature("one_more", known[0].column, known[0].kind)))
    assert np.array_equal(Scorer(Path("out")).predict(columns), wanted), "features.json says what the model reads"
    manifest = files.read_json(Path("out/manifest.json"))
    Path("out/features.json").unlink()  # as in a model that was exported without it
    del manifest["files"]["features.json"]
    files.write_json(Path("out/manifest.json"), manifest)
    monkeypatch.setattr(Contract, "features", known[1:])
    with pytest.raises(ProjectError, match=f"the model reads {known[0].name}, which this code does not compute"):
        Scorer(Path("out"))


def test_a_folder_without_a_manifest_is_refused_and_says_what_to_do(here: Path) -> None:
    with pytest.raises(ProjectError, match=r"manifest\.json is missing: build the model with `dvc repro`"):
        Scorer(here)


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_answers_are_in_words_of_the_contract(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.project(tmp_path, task, "linear"))
    assert CliRunner().invoke(evaluate.main, ["test.parquet", "trained.onnx", "metrics.json", "plots"]).exit_code == 0
    answer = stage()
    assert answer.exit_code == 0, answer.output
    scorer, contract = Scorer(Path("out")), contracts.wide(task)
    columns = frame.columns(pd.read_parquet("test.parquet"), contract)
    for answer, numbers in zip(scorer.answers(columns), scorer.predict(columns), strict=True):
        if task == "binary":
            assert answer == {"prediction": bool(numbers[1] >= scorer.threshold), "probability": float(numbers[1])}
        elif task == "multiclass":
            assert list(answer["probabilities"]) == ["low", "mid", "high"]
            assert answer["probabilities"][answer["prediction"]] == max(answer["probabilities"].values())
        else:
            assert answer == {"prediction": float(numbers)}


@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
@pytest.mark.parametrize("task", contracts.TARGETS)
def test_every_algorithm_knows_the_categories_that_it_was_trained_on(algorithm: str, task: str) -> None:
    known = known_categories(models.fitted(algorithm, task), contracts.wide(task))
    assert known == {"city": sorted(tables.rows(task)["city"].dropna().unique())}


def test_a_model_that_does_not_show_its_categories_knows_none() -> None:
    assert known_categories(DummyClassifier(), contracts.wide()) == {}
