"""Merges a commit of the remote branch `store` into .store: its files, and the rows of its MLflow database.

Both databases have a common base, so rows are merged three-way, as git merges files.
"""

# ruff: noqa: S608  # the names in these statements are those of existing tables

import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..common.project import root
from .git import git_in_store
from .paths import store

REMOTE_REF = "refs/remotes/origin/store"  # the last commit that was merged or pushed
DATABASE = "mlflow/mlflow.db"
MD5 = re.compile(r"\b[0-9a-f]{32}(?:\.dir)?")


def merge_commit(theirs: str) -> None:
    """Merge the commit *theirs* into .store: add its files, and the rows of its database.

    Our own unpushed commit is dropped; its content is in the folder, and becomes part of the next commit.
    """
    before = git_in_store("rev-parse", "--verify", "--quiet", REMOTE_REF, fails=("",))
    if before == theirs:
        return
    with tempfile.TemporaryDirectory() as scratch:
        base, remote = (_database(c, Path(scratch) / name) for c, name in ((before, "base"), (theirs, "remote")))
        if remote:
            merge_databases(base, remote, store() / DATABASE)
        if before:
            _delete(before, theirs)
        git_in_store("reset", "--quiet", "--mixed", theirs)
        git_in_store("checkout-index", "--all", fails=("already exists",))
    git_in_store("update-ref", REMOTE_REF, theirs)


def _delete(before: str, theirs: str) -> None:
    """Delete the files that others have deleted since *before*, except the data of this work tree."""
    names = git_in_store("diff", "--name-only", "--no-renames", "--diff-filter=D", "-z", before, theirs) or ""
    used = _in_use()
    for name in filter(None, names.split("\0")):
        if "".join(Path(name).parts[-2:]) not in used:
            (store() / name).unlink(missing_ok=True)


def _in_use() -> set[str]:
    """Return the MD5s that dvc.lock and the files *.dvc of the work tree name, with those of the files in folders."""
    tracked = [root() / "dvc.lock", *root().glob("*.dvc"), *root().glob("data/**/*.dvc")]
    texts = [path.read_text(encoding="utf-8") for path in tracked if path.is_file()]
    named = {md5 for text in texts for md5 in MD5.findall(text)}
    for name in [name for name in named if name.endswith(".dir")]:
        listing = store() / "dvc/files/md5" / name[:2] / name[2:]
        if listing.is_file():
            named |= set(MD5.findall(listing.read_text(encoding="utf-8")))
    return named


def _database(commit: str | None, folder: Path) -> Path | None:
    """Write the database of a commit to *folder*; return None if it has none."""
    if not commit:
        return None
    folder.mkdir()
    arguments = ("restore", f"--source={commit}", "--worktree", "--", DATABASE)
    restored = git_in_store(f"--work-tree={folder}", *arguments, fails=("did not match",))
    return None if restored is None else folder / DATABASE


def merge_databases(base: Path | None, theirs: Path, ours: Path) -> None:
    """Merge the rows of *theirs* into *ours*: additions and changes of either side since *base* are kept.

    If both sides changed a row, or assigned the same name or number, theirs wins: it is already public.
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
            f"{ours}: its MLflow version differs from that of the remote history: run `make setup`, then "
            f"`uv run mlflow db upgrade sqlite:///{ours}`"
        )
    db.execute("BEGIN")
    base_tables = {name for (name,) in db.execute("SELECT name FROM base.sqlite_master WHERE type = 'table'")}
    tables = [name for (name,) in db.execute("SELECT name FROM ours.sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_") or table == "alembic_version":
            continue
        if table not in base_tables:
            db.execute(f'CREATE TABLE base."{table}" AS SELECT * FROM ours."{table}" WHERE 0')
        _merge_table(db, table)
    # both sides may have logged the same dataset: our inputs then refer to their entry
    db.execute(
        "UPDATE OR IGNORE inputs SET source_id = (SELECT m.dataset_uuid FROM main.datasets m JOIN ours.datasets o "
        "USING (experiment_id, name, digest) WHERE o.dataset_uuid = inputs.source_id) WHERE source_type = 'DATASET' "
        "AND source_id NOT IN (SELECT dataset_uuid FROM main.datasets)"
    )
    db.execute("COMMIT")


def _merge_table(db: sqlite3.Connection, table: str) -> None:
    """Apply our additions, changes and deletions in one table."""
    columns = list(db.execute(f'PRAGMA ours.table_info("{table}")'))
    names = ", ".join(f'"{column[1]}"' for column in columns)
    key = ", ".join(f'"{column[1]}"' for column in columns if column[5]) or names
    rows = {side: f'SELECT {names} FROM {side}."{table}"' for side in ("main", "ours", "base")}
    db.execute(f"CREATE TEMP TABLE public AS SELECT {key} FROM ({rows['main']} EXCEPT {rows['base']})")
    unchanged = f"({key}) NOT IN (SELECT {key} FROM temp.public)"
    in_base = f'({key}) IN (SELECT {key} FROM base."{table}")'
    changed = f"({rows['ours']} EXCEPT {rows['base']})"
    db.execute(f'REPLACE INTO main."{table}" ({names}) SELECT {names} FROM {changed} WHERE {unchanged} AND {in_base}')
    db.execute(f'INSERT OR IGNORE INTO main."{table}" ({names}) SELECT {names} FROM {changed}')
    deleted = f'({key}) NOT IN (SELECT {key} FROM ours."{table}")'
    db.execute(f'DELETE FROM main."{table}" WHERE {in_base} AND {deleted} AND {unchanged}')
    db.execute("DROP TABLE temp.public")
