"""What no kept version needs is deleted from DVC, MLflow and the branch `store`, and nothing else."""

import shutil
import subprocess
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dvc.repo import Repo
from helpers import models
from helpers.git import git

from mlgitops.common.errors import ProjectError
from mlgitops.lineage import prune, rebuild
from mlgitops.model import tracking
from mlgitops.registry import versions
from mlgitops.store import branch, mlflow_backend, sqlite_merge

PIPELINE = """stages:
  export:
    cmd: mkdir -p models/export data && cp source.txt models/export/model && cp source.txt data/raw.parquet
    deps: [source.txt]
    outs: [data/raw.parquet, models/export]
"""
CONFIG = "[core]\n    remote = storage\n    analytics = false\n['remote \"storage\"']\n    url = ../.store/dvc\n"
IGNORED = "/.store\n/models\n/data\n/build\n"


@dataclass(frozen=True)
class Machine:
    """A project whose main has three models; version N is of model N, version 1 is released and 3 the challenger."""

    folder: Path
    runs: list[str]


def commit(folder: Path, text: str, year: int) -> None:
    """Make a model of *text*, push it, and commit it in that *year*."""
    (folder / "source.txt").write_text(text, encoding="utf-8")
    with Repo(str(folder)) as repo:
        repo.reproduce()
        repo.push()
    git("add", "--all", cwd=folder)
    date = f"{year}-01-01T00:00:00Z"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", date)
        git("commit", "--quiet", "-m", text, cwd=folder)


def register(folder: Path, number: int) -> str:
    """Record a run of the model that is committed last, and register its version; return the run's id."""
    client = mlflow_backend.connect()
    place = tracking.experiment(client)
    run = client.create_run(place, run_name=str(number))
    client.log_text(run.info.run_id, "log", "log.txt")
    client.set_terminated(run.info.run_id)
    trial = client.create_run(place, tags={"mlflow.parentRunId": run.info.run_id})
    client.set_terminated(trial.info.run_id)
    model = client.create_logged_model(place, source_run_id=run.info.run_id)
    lock = (folder / "dvc.lock").read_text(encoding="utf-8")
    tags = {"dvc/models/export": next(line.split()[-1] for line in lock.splitlines() if ".dir" in line)}
    client.create_model_version("example", f"models:/{model.model_id}", run.info.run_id, tags, model_id=model.model_id)
    return str(run.info.run_id)


@pytest.fixture
def machine(origin: Path, tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("GH_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    git("clone", "--quiet", str(origin), str(folder), cwd=tmp_path)
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        git("config", name, value, cwd=folder)
    models.touch_package(folder)
    for name, text in ((".dvc/config", CONFIG), (".gitignore", IGNORED), ("dvc.yaml", PIPELINE)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    git("checkout", "--quiet", "-b", "main", cwd=folder)
    (folder / ".store/mlflow").mkdir(parents=True)
    shutil.copy(mlflow_database, folder / ".store/mlflow/mlflow.db")
    mlflow_backend.connect().create_registered_model("example")
    runs = []
    for number in range(1, 4):  # long after MLflow has recorded the runs
        commit(folder, f"model {number}", 2090 + number)
        runs.append(register(folder, number))
        if number == 1:
            git("tag", "--annotate", "-m", "v1", "model/v1", cwd=folder)
    mlflow_backend.connect().set_registered_model_alias("example", "challenger", "3")
    git("push", "--quiet", "--tags", "origin", "HEAD:main", cwd=folder)
    branch.share()
    return Machine(folder, runs)


def run(*words: str) -> Result:
    result = CliRunner().invoke(prune.main, ["--keep", "1", *words])
    assert result.exit_code == 0, result.output
    return result


def stored(folder: Path) -> set[str]:
    """Return the models that DVC has in the storage of *folder*."""
    files = [path for path in (folder / ".store/dvc/files").rglob("*") if path.is_file() and path.suffix != ".dir"]
    return {path.read_text(encoding="utf-8") for path in files}


def cached(folder: Path) -> set[str]:
    paths = [path for path in (folder / ".dvc/cache/files").rglob("*") if path.is_file() and path.suffix != ".dir"]
    return {path.read_text(encoding="utf-8") for path in paths}


def recorded() -> tuple[list[str], set[str], int]:
    """Return the versions, the runs and the number of models that MLflow has."""
    client = mlflow_backend.connect()
    place = [tracking.experiment(client)]
    runs: list[Any] = client.search_runs(place, run_view_type=3)  # with those in its trash
    numbers = [str(version.version) for version in versions.listed(client)]
    return numbers, {entry.info.run_name for entry in runs} & set("123"), len(client.search_logged_models(place))


ALL = {f"model {number}" for number in range(1, 4)}
KEPT = ALL - {"model 2"}


def test_only_what_nothing_kept_names_is_deleted_and_only_with_a_word(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("checkout", "--quiet", "-b", "idea", cwd=machine.folder)
    commit(machine.folder, "an idea", 2095)  # nobody has merged it yet
    git("push", "--quiet", "origin", "idea", cwd=machine.folder)
    git("checkout", "--quiet", "main", cwd=machine.folder)
    git("branch", "--quiet", "-D", "idea", cwd=machine.folder)
    branch.share()
    other = tmp_path / "other"
    git("clone", "--quiet", str(tmp_path / "origin.git"), str(other), cwd=tmp_path)
    with chdir(other):
        branch.pull()
    assert stored(other) == ALL | {"an idea"}

    everything = (["1", "2", "3"], set("123"), 3)
    assert "0 versions, 0 runs, 0 models" in CliRunner().invoke(prune.main, ["--keep", "3"]).output
    output = run().output
    assert "1 versions (2), 2 runs, 1 models" in output
    assert prune.DRY in output
    assert (stored(machine.folder), cached(machine.folder)) == (ALL | {"an idea"}, ALL | {"an idea"})
    assert recorded() == everything

    with monkeypatch.context() as patch:  # the storage is gone in the middle of it
        patch.setattr(prune, "own_dvc", interrupted)
        assert CliRunner().invoke(prune.main, ["--keep", "1", "--delete", "yes"]).exit_code == 1
    assert (recorded(), stored(machine.folder)) == ((["1", "3"], set("13"), 2), ALL | {"an idea"})

    run("--delete", "yes")
    assert (stored(machine.folder), cached(machine.folder)) == (KEPT | {"an idea"}, KEPT | {"an idea"})
    assert recorded() == (["1", "3"], set("13"), 2)
    artifacts = {path.parts[-3] for path in (machine.folder / ".store/mlflow").rglob("log.txt")}
    assert artifacts == {machine.runs[0], machine.runs[2]}

    with chdir(other):  # it gets the deletion, and does not undo it
        branch.pull()
        branch.share()
    assert stored(other) == KEPT | {"an idea"}
    for reference, text in (("model/v1", "model 1"), ("origin/main", "model 3"), ("origin/idea", "an idea")):
        git("checkout", "--quiet", "--detach", reference, cwd=other)
        with Repo(str(other)) as repo:
            repo.pull(force=True)
        assert (other / "models/export/model").read_text(encoding="utf-8") == text

    rewrite = (
        "git fetch --quiet origin && git push --quiet --force origin "
        "$(git commit-tree origin/store^{tree} -m Pruned):refs/heads/store"
    )  # docs/how-to/clean-up.md
    subprocess.run(rewrite, shell=True, check=True, cwd=other)  # noqa: S602
    assert git("rev-list", "--count", "store", cwd=tmp_path / "origin.git") == "1"
    with chdir(other):
        branch.pull()
        (other / ".store/new").touch()
        branch.share()
    assert stored(other) == KEPT | {"an idea"}
    assert git("rev-list", "--count", "store", cwd=tmp_path / "origin.git") == "2"


def interrupted(*words: str) -> str:
    """Fail as DVC does whose storage is gone."""
    if words[0] == "gc":
        raise ProjectError("the storage is gone")
    return rebuild.own_dvc(*words)


def test_a_number_of_locks_is_at_least_one() -> None:
    assert "0 is not in the range" in CliRunner().invoke(prune.main, ["--keep", "0", "--delete", "yes"]).output


def test_data_of_the_work_tree_is_not_deleted_with_what_others_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.touch_project(tmp_path))
    file, folder, child = ("a" * 32, "b" * 32 + ".dir", "c" * 32)
    (tmp_path / "data.csv.dvc").write_text(f"outs:\n- md5: {file}\n", encoding="utf-8")
    (tmp_path / "dvc.lock").write_text(f"outs: [{{md5: {folder}}}]\n", encoding="utf-8")
    listing = tmp_path / f".store/dvc/files/md5/bb/{folder[2:]}"
    listing.parent.mkdir(parents=True)
    listing.write_text(f'[{{"md5": "{child}", "relpath": "model"}}]', encoding="utf-8")
    assert sqlite_merge._in_use() == {file, folder, child}
