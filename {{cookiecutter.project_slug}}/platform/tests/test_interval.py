"""The interval of a predicted number covers the share of rows that the contract asks for, wherever it is answered."""

from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models, reviews

from mlgitops.batch import score
from mlgitops.batch.stamp import Stamp
from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.model import evaluate, export, interval, train, trained
from mlgitops.model.cross_validation import FoldPredictions
from mlgitops.model.scorer import Scorer
from mlgitops.registry.pyfunc import signature
from mlgitops.review import measure, phrases
from mlgitops.review.build import build
from mlgitops.review.inputs import Model
from mlgitops.review.pages import html, markdown
from mlgitops.review.report import Source
from mlgitops.serving.answer_schema import answer


def asked(coverage: float) -> Contract:
    return contracts.contract({"x": "{type: number}"}, "regression", interval=coverage)


def fold(errors: np.ndarray) -> FoldPredictions:
    return FoldPredictions(errors, np.zeros(len(errors)), 0.5, np.arange(len(errors)))


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_the_interval_covers_the_share_of_other_rows_that_is_asked_for(coverage: float) -> None:
    rng = np.random.default_rng(0)
    draw = lambda count: rng.exponential(size=count) * 10 - 3  # noqa: E731  # errors that are far from symmetric
    limits = interval.offsets(asked(coverage), [fold(draw(1500)), fold(draw(1500))])
    assert limits is not None
    result = interval.measured(limits, draw(20000), np.zeros(20000))
    assert result.covered == pytest.approx(coverage, abs=0.02)
    assert result.width == pytest.approx(limits[1] - limits[0])


def test_too_few_rows_for_a_coverage_are_refused_with_the_number_that_is_needed() -> None:
    rows = fold(np.arange(38.0))
    with pytest.raises(ProjectError, match=r"interval: 0\.95 needs at least 40 cross-validated rows, there are 38"):
        interval.offsets(asked(0.95), [rows])
    assert interval.offsets(asked(0.95), [fold(np.arange(39.0))]) == (0.0, 38.0)
    assert interval.offsets(contracts.contract({"x": "{type: number}"}), [rows]) is None


def test_only_numbers_have_an_interval() -> None:
    with pytest.raises(ValueError, match="task binary predicts no number"):
        contracts.contract({"x": "{type: number}"}, interval=0.9)


def test_train_finds_the_interval_that_the_contract_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.project(tmp_path, "regression", "linear"))
    text = Path("contract.yaml").read_text(encoding="utf-8")
    Path("contract.yaml").write_text(text + "interval: 0.8\n", encoding="utf-8")
    monkeypatch.setattr(train.tracking, "check", lambda: None)
    monkeypatch.setattr(train.tracking, "record", lambda training: training.label)
    words = ["train.parquet", "trained.onnx", "report.json"]
    assert CliRunner().invoke(train.main, words, catch_exceptions=False).exit_code == 0
    limits = trained.load(Path("trained.onnx"), contracts.wide("regression")).description().interval
    assert limits is not None
    assert limits[0] < 0 < limits[1]
    words = ["test.parquet", "trained.onnx", "metrics.json", "plots"]
    assert CliRunner().invoke(evaluate.main, words, catch_exceptions=False).exit_code == 0
    assert files.read_json(Path("metrics.json"))["interval"]["covered"] == pytest.approx(0.8, abs=0.12)


def test_service_batch_and_mlflow_answer_with_it_and_the_report_has_its_coverage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.project(tmp_path, "regression"))
    contract = contracts.wide("regression", interval=0.8)
    text = Path("contract.yaml").read_text(encoding="utf-8")
    Path("contract.yaml").write_text(text + "interval: 0.8\n", encoding="utf-8")
    stages = {
        evaluate.main: ["test.parquet", "trained.onnx", "metrics.json", "plots"],
        export.main: ["trained.onnx", "test.parquet", "metrics.json", "plots", "export"],
    }
    for stage, words in stages.items():
        before = CliRunner().invoke(stage, words)
    assert "contract.yaml asks for an interval of 80%, and this model has none: train it here" in before.output
    description = trained.load(Path("trained.onnx"), contract).description()
    content, size = Path("trained.onnx").read_bytes(), float(pd.read_parquet("test.parquet")["y"].std())
    trained.write(Path("trained.onnx"), content, replace(description, interval=(-size, 2 * size)))
    for stage, words in stages.items():
        assert CliRunner().invoke(stage, words, catch_exceptions=False).exit_code == 0
    report = files.read_json(Path("metrics.json"))["interval"]
    assert (report["coverage"], report["width"]) == (0.8, pytest.approx(3 * size))
    assert 0.5 < report["covered"] <= 1
    assert f"{report['covered']:.1%} of these rows are in their interval, of 80%" in Path("export/card.md").read_text()
    scorer, golden = Scorer(Path("export")), files.read_json(Path("export/golden.json"))
    for each in golden["answers"]:
        jsonschema.validate(each, answer(contract))
        ends = [each["low"] + size, each["high"] - 2 * size]
        np.testing.assert_allclose(ends, each["prediction"], atol=1e-6 * size)
    pd.DataFrame(golden["rows"]).to_parquet("rows.parquet", index=False)
    score.run(Path("rows.parquet"), Path("scored.parquet"), scorer, Stamp.now("1"))
    scored = pd.read_parquet("scored.parquet")[["prediction", "low", "high"]].to_dict("records")
    assert scored == golden["answers"]
    assert [column.name for column in signature(contract).outputs] == ["prediction", "low", "high"]


def test_the_review_shows_coverage_and_width_of_both_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models.touch_package(tmp_path))
    declared = reviews.contract("regression", ["a", "b"]).model_copy(update={"interval": 0.8})
    new = reviews.export(tmp_path / "new", declared, 0.0, interval=[-0.64, 0.64])
    old = reviews.export(tmp_path / "old", declared, 0.5, Source("old"), interval=[-9.0, 9.0])
    rows = reviews.data("regression", ["a", "b"])
    report = build(new, old, rows, reviews.params(), reviews.VALID)
    shown = report.evidence.intervals
    assert shown is not None
    assert shown.candidate.covered == pytest.approx(0.8, abs=0.04)
    assert shown.champion is not None
    assert (shown.candidate.width, shown.champion.width, shown.champion.covered) == (1.28, 18.0, 1.0)
    assert phrases.intervals(report.evidence)[1] == ("mean width", "1.28", "18")
    for page in (html.page(report), markdown.page(report)):
        assert "Prediction intervals" in page
        assert "actual numbers inside, of 80% asked for" in page
    plain = reviews.export(tmp_path / "plain", reviews.contract("regression", ["a", "b"]), 0.0)
    assert measure.intervals(new, Model(plain.scorer, Source("plain")), rows).champion is None
