# ruff: noqa: D102, D107  # the methods of estimators have the meaning that scikit-learn gives them
"""An estimator of any library becomes one ONNX model, or is refused within seconds, before a long training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models, tables
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from mlgitops.common import project
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Export
from mlgitops.data import frame
from mlgitops.model import conversion, estimators, pipeline, train
from mlgitops.model.rehearsal import ROWS, positions, rehearse
from mlgitops.model.trained import Trained

STRICT = Export(probability_tolerance=1e-5, number_tolerance=1e-4, golden_rows=5)


def linear_graph(weights: np.ndarray, bias: float, activation: str, rank: int = 2, kind: int = 1) -> onnx.ModelProto:
    """Return the ONNX model of a linear function with an activation, of the type *kind* and *rank* dimensions."""
    numpy_type = helper.tensor_dtype_to_np_dtype(kind)
    tensors = {"W": weights.reshape(-1, 1), "b": np.array([bias])}
    nodes = [
        helper.make_node("MatMul", ["input", "W"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["sum"]),
        helper.make_node(activation, ["sum"], ["column"]),
        helper.make_node(
            "Flatten" if rank == 2 else "Reshape", ["column", *(["flat"] if rank == 1 else [])], ["answer"]
        ),
    ]
    shape = [onnx.numpy_helper.from_array(np.array([-1], dtype="int64"), "flat")] if rank == 1 else []
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", kind, ["rows", len(weights)])],
        [helper.make_tensor_value_info("answer", kind, ["rows", 1][:rank])],
        [*(onnx.numpy_helper.from_array(value.astype(numpy_type), name) for name, value in tensors.items()), *shape],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Net(ClassifierMixin, BaseEstimator):
    """An estimator of no library, which writes its own ONNX: one probability, in any form that exporters use."""

    def __init__(self, rank: int = 2, kind: int = TensorProto.FLOAT, shift: float = 0.0) -> None:
        self.rank, self.kind, self.shift = rank, kind, shift

    def fit(self, inputs: np.ndarray, truth: np.ndarray) -> "Net":
        self.classes_ = np.unique(truth)
        self.model_ = LogisticRegression(max_iter=1000).fit(inputs, truth)
        return self

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return self.model_.predict(inputs)

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return self.model_.predict_proba(inputs)

    def to_onnx(self) -> bytes:
        bias = float(self.model_.intercept_[0]) + self.shift
        return linear_graph(self.model_.coef_[0], bias, "Sigmoid", self.rank, self.kind).SerializeToString()


class Line(RegressorMixin, BaseEstimator):
    """A regressor that writes its own ONNX, and takes the features themselves."""

    def fit(self, inputs: pd.DataFrame, truth: np.ndarray) -> "Line":
        self.model_ = LinearRegression().fit(inputs.to_numpy(), truth)
        return self

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(inputs.to_numpy()).reshape(-1, 1)

    def to_onnx(self) -> onnx.ModelProto:
        return linear_graph(self.model_.coef_, float(self.model_.intercept_), "Identity")


class Broken(Net):
    """An estimator with a mistake: NaN, another number of columns, a fit that fails, or something that is no ONNX."""

    def __init__(self, mistake: str = "") -> None:
        super().__init__()
        self.mistake = mistake

    def fit(self, inputs: np.ndarray, truth: np.ndarray) -> "Net":
        if self.mistake == "fit":
            raise RuntimeError("loss is not a number")
        return super().fit(inputs, truth)

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        probabilities = super().predict_proba(inputs)
        if self.mistake == "columns":
            return probabilities[:, 1:]
        return np.where(np.arange(len(inputs))[:, None] % 10 == 0, np.nan, probabilities)

    def to_onnx(self) -> Any:
        return "net" if self.mistake == "onnx" else super().to_onnx()


class Unknown(ClassifierMixin, BaseEstimator):
    """An estimator that no converter knows."""

    def fit(self, inputs: np.ndarray, truth: np.ndarray) -> "Unknown":
        self.classes_ = np.unique(truth)
        return self

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.zeros(len(inputs), dtype=int)

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return np.full((len(inputs), 2), 0.5)


def built(monkeypatch: pytest.MonkeyPatch, make: Callable[..., BaseEstimator]) -> None:
    """Let the project's build() be *make*."""
    monkeypatch.setattr(project.module(project.MODEL), "build", make)


def behind(final: BaseEstimator, kind: str = "linear") -> Callable[..., Pipeline]:
    return lambda contract, **_: Pipeline([("inputs", estimators.preprocessing(contract, kind)), ("model", final)])


def data(contract: Contract, task: str, count: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    rows = frame.parse(tables.rows(task, count), contract)
    return frame.features(rows, contract), frame.target(rows, contract)


def compare(contract: Contract, fitted: BaseEstimator, inputs: pd.DataFrame) -> Trained:
    exported = Trained(conversion.convert(fitted, contract), contract)
    expected = pipeline.predict(fitted, inputs, contract)
    np.testing.assert_allclose(exported.predict(inputs), expected, rtol=1e-4, atol=2e-6)
    assert exported.predict(inputs).dtype == np.float32
    return exported


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
@pytest.mark.parametrize("rank", [1, 2])
def test_an_estimator_that_writes_its_own_onnx_is_put_behind_the_preprocessing(rank: int, kind: int) -> None:
    contract = contracts.wide()
    inputs, truth = data(contract, "binary")
    fitted = behind(Net(rank, kind))(contract).fit(inputs, truth)
    compare(contract, fitted, inputs)
    assert conversion.convert(fitted, contract) == conversion.convert(fitted, contract)


def test_an_estimator_without_preprocessing_gets_its_features_as_one_tensor_in_the_order_of_the_contract() -> None:
    contract = contracts.contract(
        {"x": "{type: number}", "n": "{type: integer}", "flag": "{type: boolean}"}, "regression"
    )
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=200), "n": rng.integers(0, 9, 200), "flag": rng.random(200) > 0.5})
    rows = frame.parse(rows.assign(y=3 * rows["x"] - 10 * rows["n"] + 100 * rows["flag"]), contract)
    inputs = frame.features(rows, contract)
    exported = compare(contract, Line().fit(inputs, frame.target(rows, contract)), inputs)
    assert set(exported._inputs) == {"x", "n", "flag"}
    categories = contracts.contract({"x": "{type: number}", "shop": "{type: category}"}, "regression")
    fitted = Line().fit(inputs[["x", "n"]], inputs["n"].to_numpy())
    with pytest.raises(ProjectError, match="cannot hold the strings of shop"):
        conversion.convert(fitted, categories)


REFUSED: dict[str, tuple[Callable[..., BaseEstimator], str]] = {
    "no probabilities": (behind(LinearSVC()), "LinearSVC has no predict_proba(), and a binary model answers with prob"),
    "no converter": (behind(Unknown()), "Unknown cannot be converted to ONNX: MissingShapeCalculator: Unable"),
    "another answer": (behind(Net(shift=0.1)), "Net: tried on 200 rows before the training: export: "),
    "NaN": (behind(Broken("nan")), "Broken: predicts NaN or infinity for 20 of 200 rows: check how it treats missing"),
    "columns": (behind(Broken("columns")), "Broken: predicts an array of shape (200, 1): a binary model needs 2 prob"),
    "a fit that fails": (
        behind(Broken("fit")),
        "Broken: fit() fails on 1000 rows of the table: RuntimeError: loss is not a",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_an_estimator_that_cannot_be_served_is_refused_before_the_training(
    mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, message = REFUSED[mistake]
    built(monkeypatch, make)
    contract = contracts.wide()
    inputs, truth = data(contract, "binary", 2000)
    largest = []
    fit = pipeline.fit
    monkeypatch.setattr(pipeline, "fit", lambda *words: largest.append(len(words[2])) or fit(*words))
    with pytest.raises(ProjectError) as refused:
        rehearse(contract, {}, inputs, truth, STRICT)
    assert message in refused.value.message
    assert refused.value.message.startswith("src/example/model.py: ")
    assert max(largest, default=0) <= 1000


def test_to_onnx_that_returns_something_else_or_raises_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = contracts.wide()
    inputs, truth = data(contract, "binary")
    fitted = behind(Broken("onnx"))(contract).fit(inputs, truth)
    with pytest.raises(ProjectError, match=r"model\.py: Broken\.to_onnx\(\) returned str: return an onnx\.ModelProto"):
        conversion.convert(fitted, contract)

    def failing(self: Net) -> bytes:
        raise ValueError("no graph")

    monkeypatch.setattr(Net, "to_onnx", failing)
    with pytest.raises(ProjectError, match=r"model\.py: to_onnx\(\): ValueError: no graph"):
        conversion.convert(behind(Net())(contract).fit(inputs, truth), contract)


def test_a_category_that_training_has_not_seen_is_part_of_the_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    contract = contracts.contract({"city": "{type: category}"})
    strict = ColumnTransformer([("city", OrdinalEncoder(), ["city"])])
    built(monkeypatch, lambda contract, **_: Pipeline([("inputs", strict), ("model", GaussianNB())]))
    inputs = pd.DataFrame({"city": np.array(["a", "b", "c", "d"] * 50, dtype=object)})
    with pytest.raises(
        ProjectError, match=r"GaussianNB: predict\(\) fails on 200 rows of the table: ValueError: Found unknown"
    ):
        rehearse(contract, {}, inputs, np.arange(200) % 2, STRICT)


def test_an_estimator_that_needs_more_rows_is_tried_on_more(monkeypatch: pytest.MonkeyPatch) -> None:
    built(monkeypatch, behind(KNeighborsClassifier(150)))
    contract = contracts.contract({"x": "{type: number}"})
    inputs, truth = pd.DataFrame({"x": np.arange(2000, dtype="float32")}), np.arange(2000) // 700 % 2
    rehearse(contract, {}, inputs, truth, Export(probability_tolerance=0.05, number_tolerance=1, golden_rows=1))


def test_each_class_has_its_part_of_the_rehearsal() -> None:
    truth = np.zeros(5000, dtype=int)
    truth[[17, 4000]] = 1
    rows = positions(contracts.wide(), truth, ROWS)
    assert {17, 4000} <= set(rows)
    assert len(rows) == ROWS // 2 + 2


def test_the_stage_stops_before_the_cross_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.project(tmp_path))
    (tmp_path / "src/example/model.py").write_text(
        "from sklearn.svm import LinearSVC\n\n\ndef build(contract, **settings):\n    return LinearSVC()\n"
    )
    monkeypatch.setattr(train, "predicting", lambda *_: pytest.fail("the training has begun"))
    monkeypatch.setattr(train.tracking, "check", lambda: None)
    answer = CliRunner().invoke(train.main, ["train.parquet", "out/trained.onnx", "out/report.json"])
    assert answer.exit_code == 1
    assert answer.output.count("\n") == 1, answer.output
    assert "src/example/model.py: LinearSVC has no predict_proba()" in answer.output


def test_a_library_that_is_missing_is_named_with_the_extra_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.write_project(tmp_path, contracts.wide()))
    for library, extra in {"lightgbm": "lightgbm", "torch.nn": "torch", "keras": "keras", "holidays": ""}.items():
        (tmp_path / "src/example/model.py").write_text(
            f"import {library}_of_nobody as absent\n".replace("_of_nobody", "")
        )
        monkeypatch.setitem(project.sys.modules, library.partition(".")[0], None)
        with pytest.raises(ProjectError) as refused:
            project.module(project.MODEL)
        command = f"uv add --group pipeline 'mlgitops[{extra}]'" if extra else "`uv add"
        assert "src/example/model.py:1: " in refused.value.message
        assert command in refused.value.message


def test_a_forest_in_a_pipeline_of_several_steps_is_converted_as_before() -> None:
    contract = contracts.wide()
    inputs, truth = data(contract, "binary")
    fitted = behind(RandomForestClassifier(5, max_depth=4, random_state=0), "forest")(contract).fit(inputs, truth)
    compare(contract, fitted, inputs)
