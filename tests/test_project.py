"""The generated project does what it promises: these tests run its pipeline on a part of the demo's real data."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.support import bake, run, sources

STAGES = ["ingest", "validate", "split", "train", "evaluate", "export"]
FROM_TRAIN = STAGES[3:]
RERUNS = {  # setting -> its other value, and the stages that depend on it
    "ingest.source": ("src/flight_delays/other.py", STAGES),
    "split.test": (0.25, STAGES[2:]),
    "model.max_iter": (50, FROM_TRAIN),
    "train.folds": (2, FROM_TRAIN),
    "tune.space": ({"C": [0.1, 1.0]}, []),
    "evaluate.importance_rows": (1000, ["evaluate", "export"]),
    "export.golden_rows": (10, ["export"]),
    "review.resamples": (100, []),
}
PLATFORM = "platform/src/mlgitops"
RERUNS_BY_CODE = {  # files, and the stages that depend on one of them
    "dataset": (["src/flight_delays/dataset.py"], STAGES),
    "features": (["src/flight_delays/features.py"], FROM_TRAIN),
    "model": (["src/flight_delays/model.py"], FROM_TRAIN),
    "the platform's models": ([f"{PLATFORM}/model/pipeline.py"], FROM_TRAIN),
    "the platform's reading of data": ([f"{PLATFORM}/data/ingest.py"], STAGES),
    "what runs after the pipeline": (
        [f"{PLATFORM}/{room}" for room in ("serving", "review", "github", "image", "registry", "monitoring", "batch")],
        [],
    ),
}


def changed(project: Path, setting: str, value: object) -> None:
    """Change one setting of params.yaml."""
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = params
    *parents, name = setting.split(".")
    for parent in parents:
        section = section[parent]
    assert section[name] != value, f"{setting} is {value} already"
    section[name] = value
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


def fails(*command: str, cwd: Path) -> str:
    """Return what *command* prints, which must fail."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def ran(output: str) -> list[str]:
    """Return the stages that DVC ran, as it says."""
    return re.findall(r"^Running stage '(\w+)'", output, re.MULTILINE)


def dry_run(project: Path) -> list[str]:
    """Return the stages that the pipeline would run if each wrote something new."""
    return ran(run(".venv/bin/dvc", "repro", "--dry", "--force-downstream", cwd=project))


def python(project: Path, code: str) -> str:
    """Return what *code* prints in the project's environment."""
    command = [str(project / ".venv/bin/python"), "-W", "error::DeprecationWarning:__main__", "-c", code]
    return run(*command, cwd=project, **sources(project))


def test_pipeline_leaves_nothing_to_commit_but_its_locks(project: Path) -> None:
    assert run("git", "status", "--short", cwd=project).split() == ["A", "dvc.lock", "??", "uv.lock"]


def test_pipeline_prints_no_warning(project: Path) -> None:
    output = (project.parent / "pipeline.log").read_text(encoding="utf-8")
    assert ran(output) == STAGES
    assert not re.search(r"warn|deprecat|(?<!calibration_)error|traceback", output, re.IGNORECASE), output


@pytest.mark.nightly
def test_model_of_all_flights_is_better_than_chance(tmp_path: Path) -> None:
    project = bake(tmp_path)
    run("make", "setup", "pipeline", cwd=project)
    metrics = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    assert metrics["rows"] > 60_000
    assert 0.65 < metrics["roc_auc"] < 0.95


def test_nothing_reruns_when_nothing_changed(project: Path) -> None:
    output = run("make", "pipeline", cwd=project, **sources(project))
    assert ran(output) == []
    assert "up to date" in output


@pytest.mark.parametrize("setting", RERUNS)
def test_a_setting_reruns_what_depends_on_it_and_no_more(setting: str, workspace: Path) -> None:
    value, stages = RERUNS[setting]
    shutil.copy(workspace / "src/flight_delays/dataset.py", workspace / "src/flight_delays/other.py")
    changed(workspace, setting, value)
    assert dry_run(workspace) == stages


@pytest.mark.parametrize("name", RERUNS_BY_CODE)
def test_a_change_of_code_reruns_what_depends_on_it_and_no_more(name: str, workspace: Path) -> None:
    places, stages = RERUNS_BY_CODE[name]
    for place in places:
        path = workspace / place
        for module in path.glob("*.py") if path.is_dir() else [path]:
            module.write_text(module.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert dry_run(workspace) == stages


def test_one_changed_threshold_trains_nothing(workspace: Path) -> None:
    run("git", "add", "--all", cwd=workspace)
    run("git", "commit", "--quiet", "-m", "The first model", cwd=workspace)
    changed(workspace, "evaluate.threshold", 0.3)
    before = (workspace / "models/trained.onnx").read_bytes()
    assert ran(run("make", "pipeline", cwd=workspace)) == ["evaluate", "export"]
    assert (workspace / "models/trained.onnx").read_bytes() == before
    difference = json.loads(run(".venv/bin/dvc", "metrics", "diff", "--json", cwd=workspace))
    (report,) = difference
    assert difference[report]["recall"]["diff"] > 0
    assert "roc_auc" not in difference[report], "the curve does not know the threshold"


def test_second_run_gives_the_same_bytes_without_a_network(workspace: Path) -> None:
    """All stages again, where nothing outside this machine can be reached (no analytics, no download)."""
    command = [str(workspace / ".venv/bin/dvc"), "repro", "--force"]
    offline = ["unshare", "--net", "--map-root-user"] if shutil.which("unshare") else []
    environment = {"PATH": f"{workspace / '.venv/bin'}:{os.environ['PATH']}", "PYTHONHASHSEED": "7"}
    before = (workspace / "dvc.lock").read_text(encoding="utf-8")
    assert ran(run(*offline, *command, cwd=workspace, **environment)) == STAGES
    assert (workspace / "dvc.lock").read_text(encoding="utf-8") == before


def test_data_that_breaks_the_contract_stops_before_training(workspace: Path) -> None:
    spoil = (
        "from flight_delays import dataset; t = dataset.load().reset_index(drop=True);"
        "t['distance'] = t['distance'].astype(float); t.loc[5, 'distance'] = -3; t.to_parquet('data/bad.parquet')"
    )
    python(workspace, spoil)
    changed(workspace, "ingest.source", "data/bad.parquet")
    output = fails("make", "pipeline", cwd=workspace)
    assert ran(output) == ["ingest", "validate"]
    assert re.search(r"distance: expect_column_values_to_be_between\(.*\): 1 row", output), output
    assert "distance -3.0" in output
    assert (workspace / "reports/data_docs/index.html").is_file()
    report = json.loads((workspace / "reports/validation.json").read_text(encoding="utf-8"))
    assert [failure["column"] for failure in report["failures"]] == ["distance"]


def test_run_says_where_the_model_comes_from(project: Path) -> None:
    look = """
import hashlib, json, mlflow, pathlib
mlflow.set_tracking_uri("sqlite:///.store/mlflow/mlflow.db")
(run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
model = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model/trained.onnx")
print(json.dumps({
    "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags,
    "datasets": [data.dataset.to_dictionary()["name"] for data in run.inputs.dataset_inputs],
    "model": hashlib.sha256(pathlib.Path(model).read_bytes()).hexdigest(),
}))
"""
    found = json.loads(python(project, look).splitlines()[-1])
    assert found["params"]["model.algorithm"] == "boosting"
    assert 0.6 < found["metrics"]["cv_roc_auc"] < 1
    assert found["tags"]["mlflow.source.git.commit"].startswith(run("git", "rev-parse", "HEAD", cwd=project).strip())
    assert found["datasets"] == ["train"]
    assert found["model"] == found["tags"]["pipeline_sha256"]
    assert found["model"] == hashlib.sha256((project / "models/trained.onnx").read_bytes()).hexdigest()


def test_loop_decides_remembers_and_answers(workspace: Path) -> None:
    assert "accepted" in run("make", "review", cwd=workspace)
    assert "version 1 " in run("make", "register", cwd=workspace)
    assert "version 1 " in run("make", "register", cwd=workspace), "the same model is the same version"
    run("make", "promote", cwd=workspace)
    assert re.search(r"promoted +1 ", run("make", "history", cwd=workspace))
    answer = run("make", "smoke", cwd=workspace)
    assert re.search(r'^\{"prediction": (true|false), "probability": 0\.\d+\}$', answer, re.MULTILINE), answer
    scored = run("make", "score", cwd=workspace, DATA="data/test.parquet", OUT="scored.csv")
    assert re.search(r"([\d,]+) of \1 rows scored by version 1 ", scored)
    assert "drifted" not in run("make", "monitor", cwd=workspace, DATA="scored.csv")

    changed(workspace, "model.max_iter", 1)
    changed(workspace, "model.max_leaf_nodes", 2)
    run("make", "pipeline", cwd=workspace)
    assert "refused" in fails("make", "review", cwd=workspace)
    verdict = json.loads((workspace / "reports/review.json").read_text(encoding="utf-8"))
    assert verdict["accepted"] is False
    assert "review" in fails("make", "register", cwd=workspace)


@pytest.mark.nightly
def test_plots_and_metrics_are_shown_by_dvc(project: Path, tmp_path: Path) -> None:
    assert "roc_auc" in run(".venv/bin/dvc", "metrics", "show", cwd=project)
    output = run(".venv/bin/dvc", "plots", "show", "--out", str(tmp_path), cwd=project)
    assert "WARNING" not in output
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("ROC", "Calibration", "Confusion", "Importance", "Precision and recall"))


def test_project_passes_its_own_checks_and_tests(project: Path) -> None:
    run("make", "lint", cwd=project, **sources(project))
    assert re.search(r"\d+ passed", run("make", "test", cwd=project, **sources(project)))


def test_lint_warns_of_a_platform_that_differs_from_the_release(workspace: Path) -> None:
    program = str(workspace / ".venv/bin/flight_delays")
    assert f"{program.rpartition('/')[2]} platform-changes" in run("make", "--dry-run", "lint", cwd=workspace)
    assert run(program, "platform-changes", cwd=workspace) == ""
    (workspace / PLATFORM / "model/metrics.py").write_text("# ours\n", encoding="utf-8")
    (workspace / PLATFORM / "model/new.py").touch()
    (workspace / "platform/README.md").unlink()
    said = run(program, "platform-changes", cwd=workspace).splitlines()
    assert [line.partition(" here;")[0] for line in said] == [
        "platform/README.md: removed", f"{PLATFORM}/model/metrics.py: changed", f"{PLATFORM}/model/new.py: added",
    ]  # fmt: skip


def test_program_and_tests_find_uv_where_setup_has_put_it(workspace: Path) -> None:
    """In an activated environment on a machine without uv on PATH."""
    uv = workspace / ".uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(f'#!/bin/sh\nexec "{shutil.which("uv")}" "$@"\n', encoding="utf-8")
    uv.chmod(0o755)
    activated = {"PATH": f"{workspace / '.venv/bin'}:/usr/bin:/bin", "VIRTUAL_ENV": str(workspace / ".venv")}
    assert not shutil.which("uv", path=activated["PATH"])
    locked = "from mlgitops.image import bento; print(bento.locked())"
    assert "onnxruntime==" in run("python", "-c", locked, cwd=workspace, **activated)
    assert re.search(r"\d+ passed", run("python", "-m", "pytest", cwd=workspace, **activated))
