"""A job of a cluster runs the steps of the workflow from a commit, whatever the cluster; its make is a recorded one."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from helpers.support import bake, run

MAKE = """#!/bin/sh
echo "{words}" >> {log}
[ "$1" != {failing} ]
"""
STEPS = ["setup", "pull-store", "ingest", "pipeline", "review", "write-back"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baked project, of one commit."""
    return bake(tmp_path_factory.mktemp("training"))


def commands(project: Path) -> dict[str, list[str]]:
    """Return what the container of each job runs."""
    job = yaml.safe_load((project / "deploy/training/job.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    azure = yaml.safe_load((project / "deploy/training/azureml-job.yaml").read_text(encoding="utf-8"))
    return {"kubernetes": [*container["command"], *container["args"]], "azureml": ["sh", "-c", azure["command"]]}


def record(folder: Path, words: str, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a make in the place of the real one write *words* to a log; it fails at the target *failing*."""
    (folder / "bin").mkdir()
    text = MAKE.format(words=words, log=folder / "log", failing=failing or "-")
    (folder / "bin/make").write_text(text, encoding="utf-8")
    (folder / "bin/make").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")


def trained(project: Path, job: str, folder: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a job on a commit that main no longer has as its newest; return what make was asked for."""
    commit = run("git", "rev-parse", "HEAD", cwd=project).strip()
    record(folder, "$1 $GITHUB_REF_NAME $CI", failing, monkeypatch)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    values = {"REPOSITORY": f"file://{project}", "BRANCH": "warmer", "COMMIT": commit}
    try:
        run(*commands(project)[job], cwd=folder, **values)
    finally:
        assert run("git", "rev-parse", "warmer", cwd=folder / "project").strip() == commit
    return (folder / "log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("job", ["kubernetes", "azureml"])
def test_a_job_trains_a_commit_and_writes_back_to_its_branch(
    job: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained(project, job, tmp_path, "", monkeypatch) == [f"{step} warmer true" for step in STEPS]


@pytest.mark.parametrize(("failing", "last"), [("review", "write-back"), ("pipeline", "pipeline")])
def test_a_refused_model_is_written_back_and_a_failed_pipeline_is_not(
    failing: str, last: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        trained(project, "kubernetes", tmp_path, failing, monkeypatch)
    steps = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert steps[-1] == f"{last} warmer true"


def test_the_job_runs_the_steps_of_the_workflow(project: Path) -> None:
    workflow = yaml.safe_load((project / ".github/workflows/train.yml").read_text(encoding="utf-8"))
    steps = [step["run"] for step in workflow["jobs"]["train"]["steps"] if step.get("run", "").startswith("make ")]
    assert ["make setup", *steps] == [f"make {step}" for step in STEPS]  # which the action setup runs in the workflow


@pytest.mark.parametrize(
    ("failing", "steps"),
    [
        ("", ["setup", "pull-store", "score"]),
        ("score", ["setup", "pull-store", "score", "report-failure"]),
        ("pull-store", ["setup", "pull-store", "report-failure"]),
    ],
)
def test_the_job_that_scores_runs_the_steps_of_its_workflow_and_reports_a_failure(
    failing: str, steps: list[str], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = yaml.safe_load((project / "deploy/scoring/cronjob.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    record(tmp_path, "$1 $WORKFLOW $DATA $CI", failing, monkeypatch)
    values = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    values |= {"REPOSITORY": f"file://{project}", "WORKFLOW": "-"}
    with pytest.raises(AssertionError, match="ended with 1") if failing else nullcontext():
        run(*container["command"], *container["args"], cwd=tmp_path, **values)
    expected = [f"{step} {'score' if step == 'report-failure' else '-'} {values['DATA']} true" for step in steps]
    assert (tmp_path / "log").read_text(encoding="utf-8").splitlines() == expected
    workflow = yaml.safe_load((project / ".github/workflows/score.yml").read_text(encoding="utf-8"))["jobs"].values()
    targets = [step["run"] for job in workflow for step in job["steps"] if "run" in step]
    assert targets == ["make pull-store", "make score", "make report-failure"]
