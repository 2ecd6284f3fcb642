"""Reads and writes files and folders; a write is atomic."""

import errno
import glob
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import ProjectError

LEFTOVER_SECONDS = 86_400  # a temporary path that old was left by a process that was killed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success its file or folder replaces *path*, on failure *path* stays unchanged.

    Each call has a temporary path of its own, so that concurrent processes can write to the same *path*: the last wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    new = _temporary(path, "new")
    try:
        yield new
        _replace(new, path)
    finally:
        remove(new)


def _temporary(path: Path, word: str) -> Path:
    return path.with_name(f".{word}-{secrets.token_hex(4)}-{path.name}")


def _remove_leftovers(path: Path) -> None:
    """Remove temporary paths of *path* that nobody has written to for a day."""
    for leftover in path.parent.glob(f".???-????????-{glob.escape(path.name)}"):
        with suppress(FileNotFoundError):  # another process removes it at the same time
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                remove(leftover)


def _replace(new: Path, path: Path) -> None:
    """Move *new* to *path*, also where *path* is a folder, which no system replaces in one step."""
    if not new.is_dir():
        new.replace(path)
        return
    while new.exists():
        old = _temporary(path, "old")
        with suppress(FileNotFoundError):  # there was none, or another process has just moved it
            path.replace(old)
        try:
            new.replace(path)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # another process has just put its folder there
                raise
        remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write *text* as UTF-8 with the same line endings on every system."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write *value* as indented JSON, which is readable in a diff."""
    write(path, to_json(value) + "\n")


def to_json(value: Any) -> str:
    """Return *value* as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def read_json(path: Path) -> Any:
    """Return the value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def set_line(path: Path, key: str, value: str) -> None:
    """Set *key* in a YAML file and keep comments; raises ProjectError unless *key* is on exactly one line."""
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(rf"(?m)^([ -]*{key}: *)[^\s#]+", lambda match: match[1] + value, text)
    if count != 1:
        raise ProjectError(f"{path}: expected {key} on exactly one line, found it on {count}: edit the file")
    write(path, changed)
