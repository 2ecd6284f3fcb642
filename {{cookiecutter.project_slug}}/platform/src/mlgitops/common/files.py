"""Reads and writes files and folders; a write is atomic."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import ProjectError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success its file or folder replaces *path*, on failure *path* stays unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.stem}.new{path.suffix}")
    remove(new)
    try:
        yield new
        if new.is_dir():
            remove(path)
        new.replace(path)
    finally:
        remove(new)


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
    write(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


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
