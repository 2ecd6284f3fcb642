"""Writes files whole or not at all."""

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
    """Give a path to write a file or folder to: on success it takes the place of *path*, on failure nothing changes."""
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
    """Remove a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write *text* as the same bytes on every system."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write *value* as JSON that reads well in a diff."""
    write(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Return the value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def set_line(path: Path, key: str, value: str) -> None:
    """Give *key*, which is on one line of a YAML file, another value; comments stay. Raises ProjectError."""
    text = path.read_text(encoding="utf-8")
    changed, times = re.subn(rf"(?m)^([ -]*{key}: *)[^\s#]+", lambda found: found[1] + value, text)
    if times != 1:
        raise ProjectError(f"{path}: {key} is on {times} lines instead of one: correct it by hand")
    write(path, changed)
