"""Finds the table that is to be adopted, a file, an address, or a query, and puts it in its place."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..data.readers import SUFFIXES

TAKEN = ("raw.parquet", "train.parquet", "test.parquet")  # what the pipeline makes in data/


def bring(data: str, query: str | None, folder: Path) -> Path:
    """Return the file that holds *data*: the file itself, or one in *folder* with what is at an address.

    Of a database it is the *query*; its URL, which may hold a password, goes to DATABASE_URL and nowhere else.
    """
    if query:
        os.environ["DATABASE_URL"] = data or os.environ.get("DATABASE_URL", "")
        files.write(folder / "query.sql", query.rstrip() + "\n")
        return folder / "query.sql"
    if not data:
        raise ProjectError("which table? make adopt DATA=table.csv TARGET=column (docs/own-data.md tells more)")
    if data.startswith(("http://", "https://")):
        here = folder / (re.split(r"[?#]", data)[0].rstrip("/").rsplit("/", 1)[-1] or "table")
        dvc("get-url", data, str(here))
        return here
    if "://" in data:
        raise ProjectError(f"{data.split('@')[-1]}: a database also needs QUERY='select ...'")
    here = Path(data).expanduser()
    if not here.is_file():
        raise ProjectError(f"DATA={data}: {'is a folder, not a table' if here.is_dir() else 'there is no such file'}")
    return here


def named(here: Path) -> str:
    """Return the name of the table in data/: one that tells its kind, that any shell takes, and that is not taken."""
    name = re.sub(r"[^\w.-]+", "-", here.name, flags=re.ASCII).lstrip(".-") or "table"
    if not name.lower().endswith((*SUFFIXES, ".sql")):
        with here.open("rb") as file:
            kind = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz"}
            head = file.read(4)
            name += next((suffix for magic, suffix in kind.items() if head.startswith(magic)), ".csv")
    return f"table-{name}" if name in TAKEN else name


def place(here: Path, source: Path) -> None:
    """Copy the table in *here* to *source*, and put it under DVC; a query is text for git."""
    existed = source.exists()
    if not (existed and source.samefile(here)):
        with files.replacing(source) as new:
            shutil.copyfile(here, new)
    if source.suffix != ".sql":
        try:
            dvc("add", str(source))
        except ProjectError:
            if not existed:
                files.remove(source)
            raise


def dvc(*words: str) -> None:
    """Run DVC; raises ProjectError with what it says where it fails."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, encoding="utf-8")
    if done.returncode:
        raise ProjectError(f"dvc {words[0]} failed: {done.stderr.strip().removeprefix('ERROR: ')}")
