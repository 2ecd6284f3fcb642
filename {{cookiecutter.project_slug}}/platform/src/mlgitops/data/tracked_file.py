"""The file with the project's table: it is replaced as a whole, and DVC tracks it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..common.process import run
from ..contract.params import Ingest
from .address import dvc, is_address

ELSEWHERE = {".sql": "a query", ".py": "load()", ".delta": "a Delta table", ".iceberg": "an Iceberg table"}


def own_source(how: Ingest) -> Path:
    """Return the file of the project with its table; raises ProjectError if the table is elsewhere."""
    source = Path(how.source)
    if is_address(how.source) or source.suffix in ELSEWHERE:
        kind = ELSEWHERE.get(source.suffix, "an address")
        raise ProjectError(f"the table comes from {kind} ({how.source}): put new rows there, then: make refresh")
    return source


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path; its file then replaces *target* and is added to DVC, or nothing changes."""
    pointer, backup = Path(f"{target}.dvc"), target.with_name(f".{target.name}.old")
    before = pointer.read_bytes() if pointer.exists() else None
    files.remove(backup)
    try:
        with files.replacing(target) as new:
            yield new
            if target.exists():
                shutil.copyfile(target, backup)
        try:
            track(target)
        except BaseException:
            if backup.exists():
                backup.replace(target)
            else:
                files.remove(target)
            if before is not None:
                pointer.write_bytes(before)
            raise
    finally:
        files.remove(backup)


def track(target: Path) -> None:
    """Add a file to DVC, unless git has it."""
    if Path(f"{target}.dvc").exists() or not _in_git(target):
        dvc("add", str(target))


def _in_git(target: Path) -> bool:
    try:
        return bool(run("git", "ls-files", str(target)).strip())
    except ProjectError:  # no repository
        return False
