"""Takes in what another machine has pushed to the branch `store`: files, and the rows of its MLflow database.

Both have gone on from the same one, so a row is kept as a file would be.
"""

# ruff: noqa: S608  # the names in these commands are those of the tables themselves

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from .git import git_in_store
from .paths import store

SHARED = "refs/remotes/origin/store"  # the last commit that was taken from there or pushed
DATABASE = "mlflow/mlflow.db"


def take(theirs: str) -> None:
    """Bring the commit *theirs* into .store: its files beside ours, the rows of its database among ours.

    The commit of ours that was not pushed is dropped: what it held is in the folder, and in the next commit.
    """
    before = git_in_store("rev-parse", "--verify", "--quiet", SHARED, fails=("",))
    if before == theirs:
        return
    with tempfile.TemporaryDirectory() as scratch:
        old, new = (_database(commit, Path(scratch) / name) for commit, name in ((before, "old"), (theirs, "new")))
        if new:
            databases(old, new, store() / DATABASE)
        git_in_store("reset", "--quiet", "--mixed", theirs)
        git_in_store("checkout-index", "--all", fails=("already exists",))
    git_in_store("update-ref", SHARED, theirs)


def _database(commit: str | None, folder: Path) -> Path | None:
    """Write the database of a commit below *folder*; return None where it has none."""
    if not commit:
        return None
    folder.mkdir()
    words = ("restore", f"--source={commit}", "--worktree", "--", DATABASE)
    restored = git_in_store(f"--work-tree={folder}", *words, fails=("did not match",))
    return None if restored is None else folder / DATABASE


def databases(base: Path | None, theirs: Path, ours: Path) -> None:
    """Give *ours* the rows of *theirs*: what one side added or changed since *base* stays.

    Of a row that both have changed, or a name or number that both have given, theirs stays: it is already public.
    """
    with files.replacing(ours) as new:
        shutil.copyfile(theirs, new)
        if ours.is_file():
            with closing(sqlite3.connect(new, isolation_level=None)) as db:
                _merge(db, base, ours)


def _merge(db: sqlite3.Connection, base: Path | None, ours: Path) -> None:
    db.execute("ATTACH ? AS ours", (str(ours),))
    db.execute("ATTACH ? AS base", (str(base) if base else ":memory:",))
    versions = [db.execute(f"SELECT version_num FROM {side}.alembic_version").fetchone() for side in ("main", "ours")]
    if versions[0] != versions[1]:
        raise ProjectError(
            f"{ours}: was written by another MLflow than the history that was pushed: `make setup`, then "
            f"`uv run mlflow db upgrade sqlite:///{ours}`"
        )
    db.execute("BEGIN")
    known = {name for (name,) in db.execute("SELECT name FROM base.sqlite_master WHERE type = 'table'")}
    tables = [name for (name,) in db.execute("SELECT name FROM ours.sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_") or table == "alembic_version":
            continue
        if table not in known:
            db.execute(f'CREATE TABLE base."{table}" AS SELECT * FROM ours."{table}" WHERE 0')
        _table(db, table)
    # both sides have described the same data: what we said of it belongs to theirs
    db.execute(
        "UPDATE OR IGNORE inputs SET source_id = (SELECT m.dataset_uuid FROM main.datasets m JOIN ours.datasets o "
        "USING (experiment_id, name, digest) WHERE o.dataset_uuid = inputs.source_id) WHERE source_type = 'DATASET' "
        "AND source_id NOT IN (SELECT dataset_uuid FROM main.datasets)"
    )
    db.execute("COMMIT")


def _table(db: sqlite3.Connection, table: str) -> None:
    """Bring the rows of one table that we have added, changed or deleted."""
    described = list(db.execute(f'PRAGMA ours.table_info("{table}")'))
    names = ", ".join(f'"{column[1]}"' for column in described)
    key = ", ".join(f'"{column[1]}"' for column in described if column[5]) or names
    rows = {side: f'SELECT {names} FROM {side}."{table}"' for side in ("main", "ours", "base")}
    db.execute(f"CREATE TEMP TABLE public AS SELECT {key} FROM ({rows['main']} EXCEPT {rows['base']})")
    settled = f"({key}) NOT IN (SELECT {key} FROM temp.public)"
    old = f'({key}) IN (SELECT {key} FROM base."{table}")'
    changed = f"({rows['ours']} EXCEPT {rows['base']})"
    db.execute(f'REPLACE INTO main."{table}" ({names}) SELECT {names} FROM {changed} WHERE {settled} AND {old}')
    db.execute(f'INSERT OR IGNORE INTO main."{table}" ({names}) SELECT {names} FROM {changed}')
    gone = f'({key}) NOT IN (SELECT {key} FROM ours."{table}")'
    db.execute(f'DELETE FROM main."{table}" WHERE {old} AND {gone} AND {settled}')
    db.execute("DROP TABLE temp.public")
