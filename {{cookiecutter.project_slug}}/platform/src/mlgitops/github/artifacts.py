"""Files of workflow runs, which are read as data: they may be anybody's."""

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..common import files
from . import api

MAX_FILE_BYTES = 1_000_000
MAX_ARTIFACT_BYTES = 50_000_000
MONITOR, PRODUCTION = "monitor.yml", "production"  # the workflow that measures production, and its artifact


def read(artifact: int, names: Collection[str]) -> dict[str, str]:
    """Return the files *names* of an artifact; all other files, and too large ones, are skipped."""
    with zipfile.ZipFile(io.BytesIO(api.download(f"/actions/artifacts/{artifact}/zip"))) as archive:
        return {
            entry.filename: archive.read(entry).decode(errors="replace")
            for entry in archive.infolist()
            if entry.filename in names and entry.file_size < MAX_FILE_BYTES
        }


def fetch_production(folder: Path, names: Collection[str]) -> None:
    """Write the files *names* of the last run of `monitor` on main to *folder*, unless they are there already."""
    query = f"/actions/workflows/{MONITOR}/runs?branch={api.DEFAULT}&status=completed&per_page=10"
    for run in (api.api(query, missing=("Not Found",)) or {"workflow_runs": []})["workflow_runs"]:
        listed: list[dict[str, Any]] = api.api(f"/actions/runs/{run['id']}/artifacts")["artifacts"]
        for entry in listed:
            if entry["name"] == PRODUCTION and not entry["expired"] and entry["size_in_bytes"] <= MAX_ARTIFACT_BYTES:
                for name, text in read(entry["id"], names).items():
                    if not (folder / name).is_file():
                        files.write(folder / name, text)
                return
