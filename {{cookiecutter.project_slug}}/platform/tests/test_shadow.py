"""A model answers the logged requests again: how many decisions change, and with outcomes, whether they are better."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import models
from helpers.prediction_logs import write
from helpers.reviews import contract, data, export, exported, params, tables

from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data import frame
from mlgitops.monitoring import collect, labelled, outcomes
from mlgitops.monitoring.place import Place
from mlgitops.registry import command as registry
from mlgitops.review import shadow
from mlgitops.review.inputs import Model
from mlgitops.review.shadow_report import Shadow

MAY = datetime(2024, 5, 6, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the current folder be a project of its own."""
    monkeypatch.chdir(models.touch_package(tmp_path))


def log(best: Model, rows: pd.DataFrame, folder: Path, known: int | None = None, **columns: Any) -> Place:
    """Let *best* answer all *rows* in one request, collect its log, and know the outcomes of the first *known* rows."""
    declared = best.scorer.contract
    columns = columns or {name: frame.records(rows, declared) for name in declared.inputs}
    inputs = {name: [record[name] for record in records] for name, records in columns.items()}
    answers = best.scorer.to_answers(best.scorer.predict(frame.columns(rows, declared)))
    line = {"id": "r", "at": MAY.timestamp(), "batch": True, "rows": inputs, "answers": answers}
    types = {name: declared.columns[name].type for name in inputs}
    facts = {"classes": list(declared.classes), "prediction": declared.prediction, "version": "1"}
    write(folder / "log/a.jsonl", line, columns=types, **facts)
    place = Place(str(folder / "kept"))
    assert collect.collect(folder / "log", place).skipped == 0
    if known:
        actual = rows["answer"].astype("string").iloc[:known]
        table = pd.DataFrame({"id": [f"r/{k}" for k in range(known)], "actual": actual})
        table.to_csv("outcomes.csv", index=False)
        labelled.keep(place, outcomes.read(Path("outcomes.csv"), declared, "last"), declared)
    return place


def shadowed(tmp_path: Path, task: str, noise: float, known: int | None) -> Shadow:
    """Return the shadow of a model that follows the noise beside the signals, on rows that a better one answered."""
    declared, rows = contract(task, ["a"]), data(task, ["a"])
    best, other = export(tmp_path / "best", declared, 0.0), export(tmp_path / "other", declared, noise)
    return shadow.score(other.scorer, "2", log(best, rows, tmp_path, known), params())


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_same_model_decides_the_same(tmp_path: Path, task: str) -> None:
    result = shadowed(tmp_path, task, 0.0, 500)
    assert (result.rows, result.refused, result.labelled, result.against) == (600, 0, 500, "1")
    assert result.changed_share == (None if task == "regression" else 0.0)
    assert result.mean_absolute_change < 1e-6
    assert result.score is not None
    assert abs(result.score.difference or 0) < 1e-6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_worse_model_is_seen_by_its_decisions_and_by_outcomes(tmp_path: Path, task: str) -> None:
    result = shadowed(tmp_path, task, 2.0, 500)
    assert result.changed_share is None or 0.05 < result.changed_share < 0.6
    assert result.score is not None
    assert result.score.verdict == "worse"
    assert result.moved is not None
    if task != "regression":
        assert result.moved.became_wrong > result.moved.became_right
        assert f"{result.moved.became_wrong:,} become wrong" in " ".join(result.sentences)


def test_without_outcomes_only_the_decisions_are_compared(tmp_path: Path) -> None:
    result = shadowed(tmp_path, "binary", 2.0, None)
    assert (result.score, result.moved, result.labelled) == (None, None, 0)
    assert result.sentences[-1] == "No outcome of these rows is known yet."


def test_rows_that_the_model_may_have_learned_from_are_left_out_and_those_that_it_refuses_are_counted(
    tmp_path: Path,
) -> None:
    plain = contract("binary", ["a"], {"when": {"type": "datetime"}}).model_dump(exclude_defaults=True)
    declared, rows = Contract.model_validate({**plain, "time": "when"}), data("binary", ["a"])
    rows["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(600), unit="h")
    strict = Contract.model_validate(
        {**plain, "time": "when", "columns": {**plain["columns"], "first": {"type": "number", "max": 1}}}
    )
    best = export(tmp_path / "best", declared, 0.0)
    candidate = exported(tmp_path / "other", strict, 0.0, tables(tmp_path / "data", rows, 0.5))
    result = shadow.score(candidate.scorer, "2", log(best, rows, tmp_path, 600), params())
    refused = int((rows["first"].iloc[300:] > 1).sum())
    assert refused > 0
    assert (result.learned, result.refused, result.rows, result.labelled) == (
        300,
        refused,
        300 - refused,
        300 - refused,
    )
    assert "300 older rows are left out" in " ".join(result.sentences)
    newer = exported(tmp_path / "newer", strict, 0.0, tables(tmp_path / "all", pd.concat([rows, rows]), 0.5))
    with pytest.raises(ProjectError, match="collect newer predictions"):
        shadow.score(newer.scorer, "3", Place(str(tmp_path / "kept")), params())


def test_without_a_time_the_page_says_that_it_is_no_proof(tmp_path: Path) -> None:
    assert "this is no proof" in " ".join(shadowed(tmp_path, "binary", 0.0, 10).sentences)


def test_a_log_without_the_inputs_is_a_sentence(tmp_path: Path) -> None:
    declared, rows = contract("binary", ["a"]), data("binary", ["a"])
    best = export(tmp_path / "best", declared, 0.0)
    place = log(best, rows, tmp_path, first=frame.records(rows, declared))
    with pytest.raises(ProjectError, match=r"SCORING_LOG_COLUMNS=\*"):
        shadow.score(best.scorer, "1", place, params())


def test_the_command_and_the_pull_request_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared, rows = contract("binary", ["a"]), data("binary", ["a"])
    best, other = export(tmp_path / "best", declared, 0.0), export(tmp_path / "other", declared, 2.0)
    settings = params()
    monitor = settings.monitor.model_copy(update={"predictions": str(tmp_path / "kept")})
    written = Params.model_validate({**settings.model_dump(), "monitor": monitor.model_dump()})
    Path("params.yaml").write_text(written.model_dump_json(), encoding="utf-8")
    monkeypatch.setattr(shadow, "_model", lambda which, folder: other.scorer)
    assert shadow.section("2") == ""  # nothing was logged
    log(best, rows, tmp_path, 100)
    done = CliRunner().invoke(shadow.main, [str(tmp_path / "other")])
    assert done.exit_code == 0, done.output
    lines = Path("reports/shadow.md").read_text(encoding="utf-8").strip().split("\n\n")
    assert shadow.section(str(tmp_path / "other")).split("\n\n") == ["### As a shadow of production", *lines]
    assert json.loads(Path("reports/shadow.json").read_text(encoding="utf-8"))["rows"] == 600


def test_a_model_is_a_folder_or_a_version_of_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = contract("binary", ["a"])
    monkeypatch.setattr(registry, "number", lambda which: {"challenger": "2"}[which])
    monkeypatch.setattr(registry, "fetch", lambda which, folder: export(folder, declared, 0.0, version=which))
    assert shadow._model("challenger", tmp_path / "model").manifest["version"] == "2"
    assert shadow._model(str(tmp_path / "model"), tmp_path / "unused").manifest["version"] == "2"
