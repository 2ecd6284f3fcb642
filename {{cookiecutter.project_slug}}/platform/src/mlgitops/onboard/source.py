"""Fetches the table to adopt from a file, a folder, an address or a database, and copies it into the project."""

import os
import re
import shutil
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..data import address
from ..data.address import dvc
from ..data.database_url import ALIASES, DRIVERS
from ..data.json_tables import looks_like

RESERVED = ("raw.parquet", "train.parquet", "test.parquet")  # files of the pipeline in data/
REFERENCES = (".sql", ".delta", ".iceberg")  # files that say where the table is: they are committed to git
SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls", ".xlsb", ".ods"),
    *(".parquet", ".arrow", ".feather", ".ipc", ".sqlite", ".sqlite3", ".db", ".duckdb"),
    *(".zip", ".gz", ".bz2", ".xz", ".zst"),
)
MAGIC = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz", b"ARRO": ".arrow", b"SQLi": ".sqlite", b"PK": ".zip"}


def fetch(data: str, query: str | None, folder: Path) -> Path:
    """Return the file or folder with the table *data*: itself, or a download from an address into *folder*.

    For a database, return a file with the *query*; the URL, which may contain a password, is only set as DATABASE_URL.
    """
    if query:
        os.environ["DATABASE_URL"] = data or os.environ.get("DATABASE_URL", "")
        files.write(folder / "query.sql", query.rstrip() + "\n")
        return folder / "query.sql"
    if not data:
        raise ProjectError("name a table: make adopt DATA=table.csv TARGET=column (see docs/own-data.md)")
    if address.is_address(data):
        if re.split(r"\+|://", data)[0].lower() in {*DRIVERS, *ALIASES}:
            raise ProjectError(f"{data.split('@')[-1]}: a database needs a query: add QUERY='select ...'")
        return address.download(data, folder)
    here = Path(data).expanduser()
    if not here.exists():
        raise ProjectError(f"DATA={data}: there is no such file")
    return here


def file_name(here: Path) -> str:
    """Return the name of the table in data/: with a known suffix, safe in any shell, and not used by the pipeline."""
    name = re.sub(r"[^\w.-]+", "-", here.name, flags=re.ASCII).lstrip(".-") or "table"
    if here.is_file() and not name.lower().endswith((*SUFFIXES, *REFERENCES)):
        with here.open("rb") as file:
            head = file.read(4)
        text = ".json" if looks_like(here) else ".csv"
        name += next((suffix for magic, suffix in MAGIC.items() if head.startswith(magic)), text)
    return f"table-{name}" if name in RESERVED else name


def renamed(here: Path, name: str, folder: Path) -> Path:
    """Return *here*, or a link to it in *folder*, so that it has the *name*."""
    if here.name == name:
        return here
    link = folder / name
    try:
        link.symlink_to(here.resolve(), target_is_directory=here.is_dir())
    except OSError:  # on Windows, few users may create links
        (shutil.copytree if here.is_dir() else shutil.copyfile)(here, link)
    return link


def place(here: Path, source: Path) -> None:
    """Copy the table in *here* to *source* and add it to DVC; a reference is committed to git instead."""
    existed = source.exists()
    if not (existed and source.samefile(here)):
        with files.replacing(source) as new:
            (shutil.copytree if here.is_dir() else shutil.copyfile)(here, new)
    if source.suffix not in REFERENCES:
        try:
            dvc("add", str(source))
        except ProjectError:
            if not existed:
                files.remove(source)
            raise
