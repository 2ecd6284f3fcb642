"""With train.refit, the exported model has learned from all rows, and what is reported is of the one that has not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.data import frame
from mlgitops.image import bento
from mlgitops.model import evaluate, export, metrics, train
from mlgitops.model.scorer import EVALUATED, Scorer
from mlgitops.review import command, measure
from mlgitops.review.facts import notes
from mlgitops.review.report import Source

STAGES = {
    "train": (train.main, ["train.parquet", "trained.onnx", "report.json"]),
    "evaluate": (evaluate.main, ["test.parquet", "trained.onnx", "metrics.json", "plots"]),
    "export": (
        export.main,
        ["trained.onnx", "test.parquet", "metrics.json", "plots", "models/export", "--train", "train.parquet"],
    ),
}
FOLDER = Path("models/export")


def run(stage: str) -> str:
    main, words = STAGES[stage]
    return CliRunner().invoke(main, words, catch_exceptions=False, standalone_mode=False).output


@pytest.fixture(params=["binary", "regression"])
def task(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the task of a project in the current folder whose pipeline has run with train.refit."""
    monkeypatch.chdir(models.project(tmp_path, request.param))
    monkeypatch.setattr(train.tracking, "check", lambda: None)
    monkeypatch.setattr(train.tracking, "record", lambda training: training.label)
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["train"] |= {"refit": True, "calibration": "sigmoid", "folds": 2}
    params["evaluate"]["importance_rows"] = 10
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    if request.param == "regression":
        text = Path("contract.yaml").read_text(encoding="utf-8")
        Path("contract.yaml").write_text(text + "interval: 0.8\n", encoding="utf-8")
    for stage in STAGES:
        run(stage)
    return str(request.param)


def test_results_are_those_of_the_model_that_has_not_seen_the_test_part(task: str, tmp_path: Path) -> None:
    served, evaluated = Scorer(FOLDER), Scorer(FOLDER, evaluated=True)
    contract, rows, learned = served.contract, pd.read_parquet("test.parquet"), pd.read_parquet("train.parquet")
    assert served.manifest["refit"]["rows"] == len(rows) + len(learned)
    assert served.manifest["refit"]["evaluated_rows"] == len(learned)
    truth, columns = frame.target(rows, contract), frame.columns(rows, contract)
    asked = {"served": served.predict(columns), "evaluated": evaluated.predict(columns)}
    scores = {name: metrics.score(contract, truth, predicted) for name, predicted in asked.items()}
    assert scores["evaluated"] == pytest.approx(files.read_json(Path("metrics.json"))[metrics.name(contract)])
    assert scores["served"] > scores["evaluated"], "it has learned these rows"

    reviewed = command._model(served, Source("candidate"))
    np.testing.assert_array_equal(measure.predictions(reviewed, rows).values, asked["evaluated"])
    assert f"fitted on {len(rows) + len(learned):,} rows, the test part included" in " ".join(
        notes(reviewed, None, (), None, None)
    )
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    assert f"a refit on {len(rows) + len(learned):,} rows" in card
    assert f"fitted on {len(learned):,} rows and had not seen them" in card

    golden = files.read_json(FOLDER / "golden.json")
    answers = [served.answers({name: [value] for name, value in row.items()})[0] for row in golden["rows"]]
    assert [a["prediction"] for a in answers] == [a["prediction"] for a in golden["answers"]]
    assert served.manifest["parity"]["rows"] > len(rows) + len(learned)
    if task == "regression":
        assert set(answers[0]) == {"prediction", "low", "high"}

    before = (FOLDER / "model.onnx").read_bytes()
    assert b"calibration_1" in before or task == "regression"
    run("export")
    assert (FOLDER / "model.onnx").read_bytes() == before

    bento._gather(FOLDER, tmp_path / "image")
    packed = tmp_path / "image/models/export"
    assert not (packed / EVALUATED).exists()
    np.testing.assert_array_equal(Scorer(packed).predict(columns), asked["served"])
    (FOLDER / EVALUATED).write_bytes(b"another")
    with pytest.raises(ProjectError, match=r"evaluated\.onnx is not the file that was evaluated"):
        Scorer(FOLDER, evaluated=True)


def test_without_it_one_model_is_exported_and_a_model_trained_so_cannot_be_refitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.project(tmp_path))
    run("evaluate")
    run("export")
    assert not (FOLDER / EVALUATED).exists()
    assert "refit" not in Scorer(FOLDER).manifest
    params = contracts.PARAMS.model_dump(mode="json")
    params["train"]["refit"] = True
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"train\.refit: export needs .* run `dvc repro`"):
        run("export")
