"""The branch `store`: two machines that push at once lose nothing, and what a git host refuses is refused before."""

import sqlite3
from pathlib import Path

import pytest
from helpers import models
from helpers.git import git

from mlgitops.common.errors import ProjectError
from mlgitops.common.provenance import short
from mlgitops.store import branch, paths, sqlite_merge
from mlgitops.store.git import commit


@pytest.fixture
def machines(origin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Return two clones; `at` says in which one the package works."""
    monkeypatch.delenv("GH_TOKEN", raising=False)
    found = [tmp_path / name for name in ("ada", "bob")]
    for folder in found:
        git("clone", "--quiet", str(origin), str(folder), cwd=tmp_path)
        models.touch_project(folder)
    return found


def at(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the package work in *machine*, and return its store."""
    monkeypatch.chdir(machine)
    return paths.store()


def table(path: Path, rows: list[tuple[str, str]], version: str = "1") -> Path:
    """Write a database with names and values, as MLflow writes its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE alembic_version (version_num TEXT)")
        db.execute("INSERT INTO alembic_version VALUES (?)", (version,))
        db.execute("CREATE TABLE tags (name TEXT PRIMARY KEY, value TEXT)")
        db.execute("CREATE TABLE datasets (dataset_uuid TEXT PRIMARY KEY, experiment_id INT, name TEXT, digest TEXT)")
        db.execute("CREATE TABLE inputs (source_type TEXT, source_id TEXT, run TEXT PRIMARY KEY)")
        db.executemany("INSERT INTO tags VALUES (?, ?)", rows)
    db.close()
    return path


def rows(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as db:
        found = dict(db.execute("SELECT name, value FROM tags"))
    db.close()
    return found


def test_what_two_machines_push_at_once_is_all_kept(machines: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = machines
    for machine, name in ((ada, "a"), (bob, "b")):
        folder = at(machine, monkeypatch)
        (folder / "dvc").mkdir()
        (folder / "dvc" / name).write_text(name)
        table(folder / sqlite_merge.DATABASE, [(name, "run")])
    at(ada, monkeypatch)
    assert branch.push()
    folder = at(bob, monkeypatch)
    assert not branch.push()  # ada was first
    assert branch.push()
    assert [path.name for path in sorted((folder / "dvc").iterdir())] == ["a", "b"]
    assert rows(folder / sqlite_merge.DATABASE) == {"a": "run", "b": "run"}
    folder = at(ada, monkeypatch)
    assert branch.pull()
    assert [path.name for path in sorted((folder / "dvc").iterdir())] == ["a", "b"]
    assert rows(folder / sqlite_merge.DATABASE) == {"a": "run", "b": "run"}


def test_each_side_keeps_what_it_changed_and_of_both_the_public_one_stays(tmp_path: Path) -> None:
    same = [("kept", "0"), ("theirs", "0"), ("ours", "0"), ("both", "0"), ("gone", "0"), ("gone there", "0")]
    base = table(tmp_path / "base", same)
    theirs = table(
        tmp_path / "theirs",
        [("kept", "0"), ("theirs", "1"), ("ours", "0"), ("both", "1"), ("gone", "0"), ("new", "1")],
    )
    ours = table(
        tmp_path / "ours",
        [("kept", "0"), ("theirs", "0"), ("ours", "2"), ("both", "2"), ("gone there", "0"), ("new", "2"), ("own", "2")],
    )
    sqlite_merge.merge_databases(base, theirs, ours)
    assert rows(ours) == {"kept": "0", "theirs": "1", "ours": "2", "both": "1", "new": "1", "own": "2"}


def test_data_that_both_sides_described_is_described_once(tmp_path: Path) -> None:
    theirs, ours = table(tmp_path / "theirs", []), table(tmp_path / "ours", [])
    for path, name in ((theirs, "t"), (ours, "o")):
        with sqlite3.connect(path) as db:
            db.execute("CREATE UNIQUE INDEX once ON datasets (experiment_id, name, digest)")
            db.execute("INSERT INTO datasets VALUES (?, 1, 'train', 'abc')", (name,))
            db.execute("INSERT INTO inputs VALUES ('DATASET', ?, ?)", (name, f"run {name}"))
        db.close()
    sqlite_merge.merge_databases(None, theirs, ours)
    with sqlite3.connect(ours) as db:
        assert list(db.execute("SELECT source_id, run FROM inputs ORDER BY run")) == [("t", "run o"), ("t", "run t")]
    db.close()


def test_history_of_another_mlflow_is_not_merged(tmp_path: Path) -> None:
    theirs, ours = table(tmp_path / "theirs", [("a", "1")], "2"), table(tmp_path / "ours", [("b", "1")])
    with pytest.raises(ProjectError, match="mlflow db upgrade"):
        sqlite_merge.merge_databases(None, theirs, ours)
    assert rows(ours) == {"b": "1"}


def test_file_that_a_git_host_refuses_is_named_before_anything_is_pushed(
    machines: list[Path], origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = at(machines[0], monkeypatch)
    monkeypatch.setattr(branch, "MAX_FILE_BYTES", 10)
    (folder / "large").write_text("more than ten bytes")
    with pytest.raises(ProjectError, match=r"(?s)\.store/large.*dvc remote modify storage url"):
        branch.push()
    assert git("branch", "--list", cwd=origin) == ""


def test_without_a_remote_everything_stays_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "--quiet", cwd=tmp_path)
    models.touch_project(tmp_path)
    folder = at(tmp_path, monkeypatch)
    (folder / "file").touch()
    assert not branch.pull()
    assert branch.push()
    assert not (folder / ".git").exists()


def test_commit_is_dirty_where_an_input_of_the_model_was_changed(
    machines: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machines[0]
    at(folder, monkeypatch)
    assert commit() == "", "nothing was ever committed"
    for words in (["add", "--all"], ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "Start"]):
        git(*words, cwd=folder)
    head = git("rev-parse", "HEAD", cwd=folder)
    (folder / "dvc.lock").write_text("stages: {}", encoding="utf-8")
    git("add", "dvc.lock", cwd=folder)
    assert commit() == head, "as after the first `make all`: dvc adds what the pipeline has written"
    (folder / "params.yaml").write_text("changed: 1", encoding="utf-8")
    assert commit() == f"{head}-dirty"
    assert short(commit()) == f"{head[:12]}-dirty"
    assert short(head) == head[:12]
    git("add", "params.yaml", cwd=folder)
    assert commit() == f"{head}-dirty"


def test_a_store_may_be_moved_with_its_project(machines: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = at(machines[0], monkeypatch)
    (folder / "one").touch()
    assert branch.push()
    moved = machines[0].rename(machines[0].with_name("elsewhere"))
    folder = at(moved, monkeypatch)
    (folder / "two").touch()
    assert branch.push()
    at(machines[1], monkeypatch)
    assert branch.pull()
    assert (machines[1] / ".store" / "two").exists()
