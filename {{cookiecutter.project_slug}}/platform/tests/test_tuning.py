"""The search for settings: its space and budget, what survives a kill, and how the winner becomes a commit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts, models, tables
from helpers.git import git

from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Params
from mlgitops.data import frame
from mlgitops.github import tuning as proposal
from mlgitops.model import parallel, tracking
from mlgitops.model.cross_validation import FoldPredictions, Prepared, predictions, prepare
from mlgitops.store import mlflow_backend
from mlgitops.store.paths import store
from mlgitops.tuning import command, params_file, search, space, study, worker

SPACE: dict[str, Any] = {
    "boosting": {"learning_rate": [0.01, 0.5], "max_leaf_nodes": [2, 64], "min_samples_leaf": [2, 10]},
    "linear": {"C": [0.01, 10.0], "class_weight": [None, "balanced"]},
}
CONTRACT = contracts.contract({"x": "{type: number}"})
NONE = np.array([])
FOLDS = tuple((np.array([n]), np.array([n])) for n in range(3))


def with_space(values: dict[str, Any]) -> Params:
    return Params.model_validate(contracts.PARAMS.model_dump() | {"tune": {"space": values}})


def job(folder: Path, trials: int, name: str = "s", values: dict[str, Any] = SPACE) -> worker.Job:
    prepared = Prepared(pd.DataFrame(), NONE, FOLDS)
    every = space.spaces(with_space(values))
    return worker.Job(CONTRACT, prepared, every, f"sqlite:///{folder / 'tuning.db'}", name, 7, trials)


def hill(settings: dict[str, Any], fold: int) -> float:
    """A score without training: best where it is known to be."""
    if settings["algorithm"] == "linear":
        return -1 - settings["C"] / 100 - fold / 10
    return -abs(settings["learning_rate"] - 0.2) - abs(settings["max_leaf_nodes"] / 100 - 0.3) - fold / 10


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the fits by `hill`; return the settings of each."""
    fitted: list[dict[str, Any]] = []

    def of_fold(shared: Any, item: Any) -> FoldPredictions:
        settings, (_, test) = item
        fitted.append(settings)
        return FoldPredictions(NONE, NONE, hill(settings, int(test[0])), test)

    monkeypatch.setattr(worker, "of_fold", of_fold)
    monkeypatch.setenv(parallel.VARIABLE, "1")
    return fitted


def outcome(study_of: worker.Job) -> list[Any]:
    return [(trial.state, trial.settings, trial.folds) for trial in study.records(study_of.open_study())]


def killed_after(count: int) -> Callable[[Any, Any], Any]:
    real, calls = worker.of_fold, [0]

    def of_fold(shared: Any, item: Any) -> Any:
        calls[0] += 1
        if calls[0] > count:
            raise KeyboardInterrupt
        return real(shared, item)

    return of_fold


def test_a_search_that_was_stopped_or_killed_ends_like_one_that_was_not(
    fits: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = job(tmp_path, 16, "whole"), job(tmp_path, 16, "stopped")
    worker.work(whole)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "of_fold", killed_after(13))
        with pytest.raises(KeyboardInterrupt):
            worker.work(stopped)
    assert 3 < len(outcome(stopped)) < 16
    stopped.open_study().ask()  # a process that was killed leaves its trial running
    assert study.close_abandoned(stopped.open_study()) == 1
    worker.work(stopped)
    assert outcome(stopped) == outcome(whole)
    assert {state for state, *_ in outcome(whole)} == {"complete", "pruned"}
    assert len({json.dumps(settings) for _, settings, _ in outcome(whole)}) == 16
    worker.work(stopped)
    assert len(outcome(stopped)) == 16, "a finished search is not done again"
    worker.work(job(tmp_path, 17, "stopped"))
    assert len(outcome(stopped)) == 17


def test_trials_stay_in_the_space_of_their_algorithm(fits: list[dict[str, Any]], tmp_path: Path) -> None:
    worker.work(job(tmp_path, 12))
    base = contracts.PARAMS.model
    for settings in fits:
        if settings["algorithm"] == "boosting":
            assert settings == base | {name: settings[name] for name in SPACE["boosting"]}
            assert isinstance(settings["max_leaf_nodes"], int)
            assert 2 <= settings["max_leaf_nodes"] <= 64
            assert settings["learning_rate"] == float(f"{settings['learning_rate']:.4g}"), "as it would be written"
        else:
            assert settings.keys() == {"algorithm", "random_state", "C", "class_weight"}
            assert 0.01 <= settings["C"] <= 10
    assert {settings["algorithm"] for settings in fits} == SPACE.keys()


def test_settings_that_fail_are_a_trial_that_failed_and_without_any_other_the_search_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_fold(shared: Any, item: Any) -> Any:
        raise ValueError("no such solver")

    monkeypatch.setattr(worker, "of_fold", of_fold)
    monkeypatch.setenv(parallel.VARIABLE, "1")
    monkeypatch.setattr(search, "_run", lambda job, study, workers: worker.work(job))
    with pytest.raises(ProjectError, match="none of 5 trials is complete: ValueError: no such solver"):
        search.search(job(tmp_path, 400), 1)


def test_the_first_trial_has_the_current_settings_if_the_space_has_them() -> None:
    params = with_space(SPACE)
    own = {"boosting.learning_rate": 0.2, "boosting.max_leaf_nodes": 8, "boosting.min_samples_leaf": 5}
    own |= {"algorithm": "boosting"}
    assert space.current(params, space.spaces(params)) == own
    narrow = with_space({"max_leaf_nodes": [9, 20]})
    assert space.current(narrow, space.spaces(narrow)) is None


@pytest.mark.parametrize(
    ("values", "key", "message"),
    [
        ({"max_leafs": [2, 9]}, "max_leafs", "HistGradientBoostingClassifier() has no such setting; did you"),
        ({"max_leaf_nodes": [1, 9]}, "max_leaf_nodes", "The 'max_leaf_nodes' parameter of HistGradientBoostingClassif"),
        ({"max_leaf_nodes": [2, 9.5]}, "max_leaf_nodes", "The 'max_leaf_nodes' parameter of HistGradientBoostingClass"),
        ({"l2_regularization": [1, 0]}, "l2_regularization", "the lowest value, 1, is larger than the highest, 0"),
        ({"linear": {"penalty_": ["l1", "l2", None]}}, "linear.penalty_", "LogisticRegression() has no such setting"),
        ({"linear": {"C": [0.1, 1]}, "max_iter": [5, 9]}, "max_iter", "a setting beside algorithms: put it below one"),
        (
            {"quantum": {"C": [0.1, 1]}},
            "quantum.algorithm",
            "algorithm 'quantum': choose one of boosting, forest, linear",
        ),
    ],
)
def test_a_space_that_the_model_does_not_have_is_refused_with_its_line(
    values: dict[str, Any], key: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = with_space(values)
    monkeypatch.chdir(models.write_project(tmp_path, CONTRACT, params))
    with pytest.raises(ProjectError) as error:
        space.check(CONTRACT, space.spaces(params))
    lines, last = Path("params.yaml").read_text(encoding="utf-8").splitlines(), key.split(".")
    number = int(error.value.message.split(":")[1])
    assert lines[number - 1].strip() in (f"{last[0]}:", f"{last[-1]}:")
    assert error.value.message.startswith(f"params.yaml:{number}: tune.space.{key}: {message}")


def test_a_search_in_the_pipeline_is_refused_with_what_to_do() -> None:
    text = yaml.safe_dump(contracts.PARAMS.model_dump(mode="json") | {"tune": {"trials": 20}})
    with pytest.raises(ProjectError, match=r"tune\.trials: the pipeline no longer searches: .* `make tune TRIALS=20`"):
        Params.parse(text, "params.yaml")


FILE = """# first
ingest: {source: a}   # odd   spacing stays

model: # of build()
  algorithm: boosting # boosting, forest or linear
  random_state: 7
  max_iter: 100
  l2_regularization: 0.0 # the last one

train:
    folds: 3
"""


@pytest.mark.parametrize(
    ("settings", "section"),
    [
        (
            {"algorithm": "boosting", "random_state": 7, "max_iter": 250, "l2_regularization": 1e-05},
            "  algorithm: boosting # boosting, forest or linear\n  random_state: 7\n  max_iter: 250\n"
            "  l2_regularization: 1.0e-05 # the last one\n",
        ),
        (
            {"algorithm": "linear", "random_state": 7, "class_weight": None, "C": 0.25},
            "  algorithm: linear   # boosting, forest or linear\n  random_state: 7\n  class_weight: null\n  C: 0.25\n",
        ),
    ],
)
def test_the_winner_is_written_into_its_section_and_nothing_else_changes(
    settings: dict[str, Any], section: str
) -> None:
    written = params_file.with_settings(FILE, settings)
    before, after = FILE.split("model:")[0], FILE[FILE.index("\ntrain:") :]
    assert written == f"{before}model: # of build()\n{section}{after}"
    assert yaml.safe_load(written)["model"] == settings


@pytest.fixture
def home(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project in git with a train part, in which a search runs in this process."""
    monkeypatch.chdir(models.write_project(tmp_path, contracts.wide(), with_space(SPACE)))
    Path("data").mkdir()
    frame.parse(tables.rows(count=400), contracts.wide()).to_parquet("data/train.parquet", index=False)
    Path(".gitignore").write_text(".store\n/reports/\n/data/\n__pycache__\n", encoding="utf-8")
    git("init", "--quiet", "-b", "main", cwd=tmp_path)
    git("add", "--all", cwd=tmp_path)
    git("commit", "--quiet", "-m", "first", cwd=tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    monkeypatch.setenv(parallel.VARIABLE, "1")
    shutil.copy(mlflow_database, store() / "mlflow")
    monkeypatch.setattr(search, "_run", lambda job, study, workers: worker.work(job))
    return tmp_path


def tune(*options: str) -> str:
    result = CliRunner().invoke(command.main, options)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.output


def test_what_cannot_be_searched_is_refused_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "0 is not in the range" in tune("--trials", "0")
    assert "0.0 is not in the range" in tune("--minutes", "0")
    with monkeypatch.context() as patch:
        patch.setenv(parallel.VARIABLE, "many")
        assert "WORKERS: 'many' is not a number of processes" in tune("--trials", "1")
        patch.setenv(parallel.VARIABLE, "1")
        patch.setenv("OPTUNA_STORAGE", "postgresql://ada:" + "f1sh" + "@127.0.0.1:1/none")
        answer = tune("--trials", "1")
        assert "OPTUNA_STORAGE: " in answer
        assert "f1sh" not in answer
    with command._storage():
        assert "another `make tune` of this project is running" in tune("--trials", "1")
    shutil.rmtree("data")
    assert "data/train.parquet is missing: run `make pipeline` first" in tune("--trials", "1")
    Path("params.yaml").write_text(contracts.EXAMPLE.joinpath("params.yaml").read_text(encoding="utf-8"))
    assert "params.yaml: tune.space is empty: list the values of each setting" in tune("--trials", "1")
    assert study.finished(optuna.create_study()) == []


def test_a_winner_becomes_a_commit_of_params_and_evidence_and_its_trials_are_runs(
    home: Path, fits: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[tuple[str, ...]] = []
    monkeypatch.setattr(proposal.api, "propose", lambda *values: pushed.append(values) or "the pull request")
    git("clone", "--quiet", "--bare", ".", "../origin.git", cwd=home)
    git("remote", "add", "origin", str(home.parent / "origin.git"), cwd=home)
    text = Path("params.yaml").read_text(encoding="utf-8")
    worse = text.replace("min_samples_leaf: 5", "min_samples_leaf: 190")  # no tree has a second leaf
    Path("params.yaml").write_text(worse, encoding="utf-8")
    assert "params.yaml: written, but no commit (params.yaml: not committed)" in tune("--trials", "4")
    Path("params.yaml").write_text(worse, encoding="utf-8")
    git("commit", "--quiet", "--all", "-m", "worse", cwd=home)
    answer = tune("--trials", "8")
    assert "going on after 4 trials" in answer
    assert "The best settings are better than the current ones: +0." in answer
    assert Path("params.yaml").read_text(encoding="utf-8") == worse, "the work tree stays as it is"
    assert git("status", "--porcelain", cwd=home) == ""
    best = yaml.safe_load(git("show", "tune:params.yaml", cwd=home))["model"]
    evidence = json.loads(Path("reports/tuning.json").read_text(encoding="utf-8"))
    assert best == evidence["best"]["settings"]
    assert evidence["comparison"]["folds"] == 4
    assert git("show", "tune:docs/tuning.md", cwd=home).startswith("# Tuning")
    assert git("diff", "--name-only", "main", "tune", cwd=home).split() == [
        "docs/tuning.json",
        "docs/tuning.md",
        "params.yaml",
    ]

    client = mlflow_backend.connect()
    runs = client.search_runs([tracking.experiment(client)])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.data.tags["mlflow.parentRunId"] for run in runs if run is not parent] == [parent.info.run_id] * 8
    assert parent.data.metrics["cv_roc_auc"] == evidence["best"]["score"]

    assert "the pull request" in CliRunner().invoke(proposal.main).output
    assert git("rev-parse", "tune", cwd=home.parent / "origin.git") == git("rev-parse", "tune", cwd=home)
    ((branch, title, body),) = pushed
    assert (branch, title[:14]) == ("tune", "Tune: boosting")
    assert "| difference | +0." in body


def test_the_same_predictions_come_out_of_one_process_and_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = contracts.example()
    prepared = prepare(contract, contracts.PARAMS.train, tables.rows_of(contract))
    monkeypatch.setattr(parallel, "MIN_VALUES", 0)
    results = []
    for count in ("1", "2"):
        monkeypatch.setenv(parallel.VARIABLE, count)
        results.append(predictions(contract, contracts.settings("boosting"), prepared))
    assert [fold.predicted.tobytes() for fold in results[0]] == [fold.predicted.tobytes() for fold in results[1]]
    assert [fold.rows.tolist() for fold in results[0]] == [fold.rows.tolist() for fold in results[1]]
