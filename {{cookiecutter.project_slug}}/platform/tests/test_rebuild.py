"""A version is made again from the commit that has its locks, in a checkout of its own that leaves nothing behind."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import gitops
from helpers.git import git

from mlgitops.common.errors import ProjectError
from mlgitops.lineage import checkout, command, rebuild
from mlgitops.lineage.origin import Origin
from mlgitops.model.scorer import digest

EXPORT = "models/export"


@pytest.fixture
def project(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def version(project: Path, commit: str = "", **files: str) -> Origin:
    """Return a version that was made with the dvc.lock and uv.lock that *project* has now."""
    names = [name for name in checkout.LOCKS if (project / name).is_file()]
    digests = {f"{name}_sha256": digest(project / name) for name in names}
    outputs = files or {EXPORT: "1a.dir"}
    return Origin("1", 0, (), commit or None, None, None, None, None, digests, outputs, None, ())


def test_the_commit_of_a_version_is_the_one_with_its_locks(project: Path) -> None:
    start = git("rev-parse", "HEAD", cwd=project)
    gitops.lock(project, train="2", export="2")
    (project / "uv.lock").write_text("packages = 1\n", encoding="utf-8")
    made = version(project, f"{start}-dirty")  # registered before dvc.lock was committed
    with pytest.raises(ProjectError, match="no commit here has its"):
        checkout.commit_of(made)
    committed = gitops.push(project, "Model")
    (project / "uv.lock").write_text("packages = 2\n", encoding="utf-8")
    newer = gitops.push(project, "Packages")  # the same dvc.lock, and other packages
    assert checkout.commit_of(made) == committed
    assert checkout.commit_of(version(project, start)) == newer


def test_a_model_of_elsewhere_cannot_be_made_again(project: Path) -> None:
    for made in (replace(version(project), files={}), replace(version(project), digests={})):
        with pytest.raises(ProjectError, match="was not made by this pipeline"):
            checkout.commit_of(made)


def test_a_checkout_is_removed_also_after_an_error(project: Path) -> None:
    commit = git("rev-parse", "HEAD", cwd=project)
    hook = project / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")  # as the hook of DVC would, without its data
    hook.chmod(0o755)
    folders = []

    def fail() -> None:
        with checkout.checkout(commit) as folder:
            folders.append(folder)
            assert (folder / "contract.yaml").is_file()
            raise ProjectError("midway")

    with pytest.raises(ProjectError, match="midway"):
        fail()
    assert not folders[0].exists()
    assert git("worktree", "list", cwd=project).count("\n") == 0


def test_a_project_in_a_folder_of_its_repository_is_checked_out_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "team").mkdir()
    for name in ("contract.yaml", "params.yaml", "dvc.lock"):
        git("mv", name, f"team/{name}", cwd=project)
    commit = gitops.push(project, "Moved")
    monkeypatch.chdir(project / "team")
    assert checkout.commit_of(version(project / "team")) == commit
    with checkout.checkout(commit) as folder:
        assert (folder / "dvc.lock").is_file()
        assert folder.name == "team"


LOCK = """stages:
  ingest: {outs: [{path: data/raw.parquet, md5: raw}]}
  export: {outs: [{path: models/export, md5: 1a.dir}, {path: reports/page.html, hash: none}]}
"""


def run(folder: Path, made: str, monkeypatch: pytest.MonkeyPatch, **files: str) -> tuple[int, str, list[str]]:
    """Rebuild a version in *folder* with a DVC that writes the lock *made*; return exit code, output and commands."""
    asked: list[str] = []
    (folder / "dvc.lock").write_text(LOCK, encoding="utf-8")
    gitops.push(folder, "Model")

    def pretend(where: Path, *words: str) -> None:
        assert where != folder
        asked.append(" ".join(words))
        if "repro" in words:
            (where / "dvc.lock").write_text(made, encoding="utf-8")

    def listed(*words: str, **_: object) -> str:
        config = f"remote.storage.url={folder}/.store/a = b\nremote.bucket.url=s3://bucket\ncore.remote=storage\n"
        return config if "config" in words else f"{folder}/.dvc/cache\n"

    monkeypatch.setattr(rebuild, "_uv", pretend)
    monkeypatch.setattr(rebuild, "run", listed)
    monkeypatch.setattr(command, "known", lambda: (version(folder, **files),))
    result = CliRunner().invoke(rebuild.main, ["1"])
    return result.exit_code, result.output, asked


def test_a_rebuild_takes_the_data_runs_every_stage_and_compares(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output, asked = run(project, LOCK, monkeypatch)
    assert (code, "all 2 outputs are equal" in output) == (0, True)
    assert asked == [
        "sync --frozen --quiet",
        f"run --no-sync dvc config --local remote.storage.url {project / '.store/a = b'}",
        "run --no-sync dvc pull --quiet data/raw.parquet",
        "run --no-sync dvc repro --force --no-run-cache --downstream validate",
    ]
    cached = project / ".dvc/cache/files/md5/ra/w"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert (
        f"dvc remote add --local --default --force project-cache {project}/.dvc/cache"
        in run(project, LOCK, monkeypatch)[2][2]
    )


@pytest.mark.parametrize("made", [LOCK.replace("1a.dir", "1b.dir"), LOCK.replace("models/export", "models/other")])
def test_one_byte_that_differs_is_named(made: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output, _ = run(project, made, monkeypatch)
    assert (code, "1 of 2 outputs differ" in output) == (1, True)
    assert [line.split()[-1] for line in output.splitlines() if line.startswith("DIFFERS")] == [EXPORT]


def test_what_the_version_recorded_counts_and_not_the_lock_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = run(project, LOCK, monkeypatch, **{EXPORT: "other.dir"})
    assert (code, "1 of 2 outputs differ" in output) == (1, True)


def test_the_environment_of_a_rebuild_is_that_of_its_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$PYTHONPATH|$MLFLOW_TRACKING_URI|$PYTHONHASHSEED" > {tmp_path}/seen\n', "utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    rebuild._uv(tmp_path, "sync")
    assert (tmp_path / "seen").read_text(encoding="utf-8") == "||0\n"
    uv.write_text("#!/bin/sh\necho no such package; exit 2\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="no such package"):
        rebuild._uv(tmp_path, "sync")
