"""Finds the tables that made the champion: DVC keeps them under the digests that the champion's profile names."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common import files
from ..common.project import root
from ..data.profile import PartProfile, Profile, digests

POINTER = "data/.champion-data.dvc"  # exists while DVC fetches


def tables(profile: Profile) -> dict[str, Path]:
    """Return the champion's tables in DVC's cache, fetched from its storage if needed; empty unless all are there."""
    cache = _cache()
    if cache is None or not {"train", "test"} <= profile.parts.keys():
        return {}
    paths = {name: cache / "files" / "md5" / part.md5[:2] / part.md5[2:] for name, part in profile.parts.items()}
    absent = {name: profile.parts[name] for name, path in paths.items() if not path.is_file()}
    if absent and not _fetched(absent):
        return {}
    intact = all(path.is_file() and digests(path)[0] == profile.parts[name].sha256 for name, path in paths.items())
    return paths if intact else {}


def _cache() -> Path | None:
    result = _dvc("cache", "dir")
    return Path(result.stdout.strip()) if result.returncode == 0 else None


def _fetched(parts: dict[str, PartProfile]) -> bool:
    """Fetch the files with these digests into the cache; DVC fetches what a .dvc file names."""
    with _pointer(parts) as pointer:
        return _dvc("fetch", str(pointer)).returncode == 0


@contextmanager
def _pointer(parts: dict[str, PartProfile]) -> Iterator[Path]:
    path = root() / POINTER
    outs = "".join(f"- md5: {part.md5}\n  hash: md5\n  path: champion-{name}.parquet\n" for name, part in parts.items())
    try:
        files.write(path, f"outs:\n{outs}")
        yield path
    finally:
        files.remove(path)


def _dvc(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=root(), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
