"""Fetches the table to adopt from a file, a URL or a database, and copies it into the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..data.readers import SUFFIXES

RESERVED = ("raw.parquet", "train.parquet", "test.parquet")  # files of the pipeline in data/


def fetch(data: str, query: str | None, folder: Path) -> Path:
    """Return the file with the table *data*: the file itself, or a download from a URL into *folder*.

    For a database, return a file with the *query*; the URL, which may contain a password, is only set as DATABASE_URL.
    """
    if query:
        os.environ["DATABASE_URL"] = data or os.environ.get("DATABASE_URL", "")
        files.write(folder / "query.sql", query.rstrip() + "\n")
        return folder / "query.sql"
    if not data:
        raise ProjectError("name a table: make adopt DATA=table.csv TARGET=column (see docs/own-data.md)")
    if data.startswith(("http://", "https://")):
        here = folder / (re.split(r"[?#]", data)[0].rstrip("/").rsplit("/", 1)[-1] or "table")
        dvc("get-url", data, str(here))
        return here
    if "://" in data:
        raise ProjectError(f"{data.split('@')[-1]}: a database needs a query: add QUERY='select ...'")
    here = Path(data).expanduser()
    if not here.is_file():
        raise ProjectError(f"DATA={data}: {'is a folder, not a table' if here.is_dir() else 'there is no such file'}")
    return here


def file_name(here: Path) -> str:
    """Return the name of the table in data/: with a known suffix, safe in any shell, and not used by the pipeline."""
    name = re.sub(r"[^\w.-]+", "-", here.name, flags=re.ASCII).lstrip(".-") or "table"
    if not name.lower().endswith((*SUFFIXES, ".sql")):
        with here.open("rb") as file:
            suffixes = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz"}
            head = file.read(4)
            name += next((suffix for magic, suffix in suffixes.items() if head.startswith(magic)), ".csv")
    return f"table-{name}" if name in RESERVED else name


def place(here: Path, source: Path) -> None:
    """Copy the table in *here* to *source* and add it to DVC; a query is committed to git instead."""
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
    """Run DVC; raises ProjectError with its message if it fails."""
    result = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, encoding="utf-8")
    if result.returncode:
        raise ProjectError(f"dvc {words[0]} failed: {result.stderr.strip().removeprefix('ERROR: ')}")
