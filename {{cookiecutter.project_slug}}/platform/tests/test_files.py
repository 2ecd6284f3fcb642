"""A file or folder is replaced as a whole, by any number of processes at the same time."""

import ast
import os
import re
import time
from pathlib import Path

import pytest

import mlgitops
from mlgitops.common import files

PACKAGE = Path(mlgitops.__file__).parent


def put(path: Path, text: str, *, folder: bool) -> None:
    """Write *text* to a file, or to a file in a new folder."""
    if folder:
        path.mkdir()
    (path / "content" if folder else path).write_text(text, encoding="utf-8")


def half_written(path: Path, *, folder: bool) -> None:
    """Replace *path*, and fail on the way."""
    with files.replacing(path) as new:
        put(new, "half", folder=folder)
        raise OSError("full")


def content(path: Path) -> str:
    return (path / "content" if path.is_dir() else path).read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("name", ["scores.parquet", "export", "a b [1].csv"])
def test_writers_of_the_same_path_do_not_disturb_each_other(name: str, folder: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    with files.replacing(path) as first:
        put(first, "first", folder=folder)
        with files.replacing(path) as second, files.replacing(path) as third:
            assert len({first, second, third, path}) == 4
            assert {first.parent, second.parent} == {tmp_path}, "a move within a folder is atomic"
            assert {first.suffix, second.suffix} == {path.suffix}, "the format is chosen by it"
            put(second, "second", folder=folder)
            put(third, "third", folder=folder)
        assert content(path) == "second"
    assert content(path) == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("folder", [False, True])
def test_a_failed_write_leaves_what_was_there(folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "model"
    put(path, "old", folder=folder)
    with pytest.raises(OSError, match="full"):
        half_written(path, folder=folder)
    assert content(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_another_process_puts_there_meanwhile_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace, others = tmp_path / "export", Path.replace, ["one", "two"]

    def race(self: Path, target: Path) -> Path:
        if target == path and others:
            put(path, others.pop(), folder=True)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", race)
    with files.replacing(path) as new:
        put(new, "ours", folder=True)
    assert content(path) == "ours"
    assert others == []
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path: Path) -> None:
    path, left = tmp_path / "scores.csv", []
    for _ in range(2):
        with pytest.raises(FileNotFoundError), files.replacing(path) as new:
            left.append(new)
    for leftover in left:
        leftover.touch()
    os.utime(left[0], (0, time.time() - files.LEFTOVER_SECONDS - 60))
    (tmp_path / ".my-scores.csv").touch()
    files.write(path, "a\n")
    assert {*tmp_path.iterdir()} == {path, left[1], tmp_path / ".my-scores.csv"}


def shared_names(code: str) -> list[str]:
    """Return the parts of f-strings, and the arguments of with_name and with_suffix, that name something temporary."""
    temporary, names = re.compile(r"(?:^|[./:_])(?:tmp|temp|new|partial|candidate)(?:[./:_-]|$)"), []
    for node in ast.walk(ast.parse(code)):
        parts: list[ast.expr] = node.values if isinstance(node, ast.JoinedStr) else []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("with_name", "with_suffix"):
            parts = node.args
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        names += [text for text in texts if temporary.search(text)]
        if isinstance(node, ast.Attribute) and node.attr == "gettempdir":
            names.append("gettempdir")
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_has_a_temporary_name_that_two_processes_share(path: Path) -> None:
    assert shared_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code", ["path.with_suffix('.tmp')", "path.with_name(f'{path.name}.new')", "f'{name}:candidate'",
             "f'.{path.stem}.new{path.suffix}'", "Path(tempfile.gettempdir()) / 'kubeconfig'"],
)  # fmt: skip
def test_a_shared_temporary_name_is_found(code: str) -> None:
    assert shared_names(code)
