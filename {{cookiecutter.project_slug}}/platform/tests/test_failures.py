"""Whatever goes wrong, the program prints one sentence that says what to do, and never a bare traceback."""

import errno
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from helpers import contracts

from mlgitops import cli
from mlgitops.common import failures, project
from mlgitops.common.errors import ProjectError

PLATFORM = Path(__file__).parents[1]
FAULTS: dict[str, tuple[Exception, str]] = {
    "disk full": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "models/x"), "the disk is full: free some space"),
    "quota": (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "the disk is full"),
    "disk full in a library": (RuntimeError("[Errno 28] Error writing. No space left on device"), "the disk is full"),
    "disk full in SQLite": (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "the disk is full"),
    "database locked": (RuntimeError("database is locked"), "another process is writing to the database"),
    "tracking server": (RuntimeError("API request to http://x failed: 503"), "the tracking server stopped answering"),
    "read-only folder": (OSError(errno.EROFS, "Read-only file system", "out.csv"), "out.csv: Read-only file system: "),
    "file of another user": (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv: Permission denied: "),
    "too many files": (OSError(errno.EMFILE, "Too many open files"), "too many files are open: raise the limit"),
    "memory": (MemoryError("Unable to allocate 9 GiB"), "the memory of this machine is not enough"),
    "package": (ModuleNotFoundError("No module named 'optuna'", name="optuna"), "optuna is not installed: run `make"),
    "bug": (ZeroDivisionError("float division by zero"), "internal error: ZeroDivisionError: float division by zero: "),
    "bug of two lines": (ValueError("a\nb"), "internal error: ValueError: a b: "),
    "module of ours": (ModuleNotFoundError("No module named 'mlgitops.x'", name="mlgitops.x"), "internal error: "),
    "missing file": (FileNotFoundError(errno.ENOENT, "No such file", "a"), "internal error: FileNotFoundError: "),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of its own, as the current folder, of a person at a laptop."""
    shutil.copytree(contracts.EXAMPLE, tmp_path / "here", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "here"


def call(error: BaseException, monkeypatch: pytest.MonkeyPatch, *, wrapped: bool = False) -> Result:
    """Return what the program does where a verb raises *error*."""

    @click.command()
    def main() -> None:
        if wrapped:
            try:
                raise error
            except Exception as cause:
                raise RuntimeError("MLflow failed") from cause
        raise error

    module = types.ModuleType("mlgitops.failing")
    module.main = main  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlgitops.failing", module)
    monkeypatch.setitem(cli.VERBS, "failing", ("failing", "fails"))
    return CliRunner().invoke(cli.main, ["failing"])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", FAULTS)
def test_an_unexpected_error_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, sentence = FAULTS[name]
    done = call(error, monkeypatch)
    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert line.startswith("Error: ")
    assert sentence in line


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["disk full", "memory", "database locked"])
def test_a_fault_of_the_machine_is_named_where_a_library_wraps_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, sentence = FAULTS[name]
    assert sentence in call(error, monkeypatch, wrapped=True).output


def test_the_traceback_of_a_bug_is_in_the_log_that_the_message_names(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = call(ZeroDivisionError("x"), monkeypatch)
    (log,) = (here / failures.LOGS).iterdir()
    assert f"its traceback is in {log.relative_to(here)}; platform/README.md says how to report it" in done.output
    text = log.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in text
    assert "in main\n    raise error\nZeroDivisionError: x" in text.replace("^", "").replace("    \n", "")
    assert failures.SHOW in (PLATFORM / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("variable", [failures.SHOW, "CI"])
def test_the_traceback_is_shown_where_it_is_asked_for(
    variable: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    done = call(ZeroDivisionError("x"), monkeypatch)
    assert "Traceback (most recent call last)" in done.output
    assert "internal error: ZeroDivisionError: x: its traceback is above" in done.output
    assert not (here / failures.LOGS).exists()


def test_where_no_log_can_be_written_the_message_says_how_to_see_the_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "build").touch()
    monkeypatch.setattr("tempfile.tempdir", str(here / "build"))
    assert f"shown if you set {failures.SHOW}=1" in call(ZeroDivisionError("x"), monkeypatch).output


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("error", "output", "code"),
    [(ProjectError("a.yaml:1: b"), "Error: a.yaml:1: b\n", 1), (KeyboardInterrupt(), "\nAborted!\n", 1),
     (click.UsageError("no"), "Usage: ", 2), (click.exceptions.Exit(7), "", 7),
     (BrokenPipeError(errno.EPIPE, "x"), "", 1)],
)  # fmt: skip
def test_expected_errors_are_shown_as_ever(
    error: BaseException, output: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = call(error, monkeypatch)
    assert done.output.startswith(output) if output else done.output == ""
    assert done.exit_code == code


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, Path]:
    """Return two projects: one, and its copy; each with a platform of its own."""
    original, copy = tmp_path / "original", tmp_path / "copy"
    shutil.copytree(contracts.EXAMPLE, original, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PLATFORM / "src", original / "platform/src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(original, copy)
    return original, copy


def program(source: Path, cwd: Path, *words: str, chosen: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run the program of the platform in *source*, as an environment links it or, if *chosen*, by PYTHONPATH."""
    path = str(source / "platform/src")
    start = f"import sys; sys.path.insert(0, {path!r}); from mlgitops.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": path if chosen else ""}
    command = [sys.executable, "-c", start, *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize("verb", cli.VERBS)
def test_no_verb_runs_with_the_platform_of_another_project(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "HOME", contracts.EXAMPLE)
    monkeypatch.setenv("PYTHONPATH", "")
    done = CliRunner().invoke(cli.main, [verb, "--help"])
    assert done.exit_code == 1
    assert "this environment runs the code of another project" in done.output
    assert "make setup" in done.output


def test_a_copy_that_runs_its_originals_platform_is_refused_and_nothing_is_written(copy: tuple[Path, Path]) -> None:
    original, other = copy
    before = files(original), files(other)
    for words in (["registry", "promote", "1"], ["push-store"], ["register"], ["reference"]):
        done = program(original, other, *words)
        assert done.returncode == 1
        assert done.stderr.startswith(
            f"Error: {other}: this environment runs the code of another project, {original}: "
        )
        assert "Traceback" not in done.stderr
    assert (files(original), files(other)) == before


def test_a_project_runs_its_own_platform_and_one_that_was_chosen(copy: tuple[Path, Path]) -> None:
    original, other = copy
    (original / "src/below").mkdir()
    for source, cwd, chosen in ((original, original / "src/below", False), (original, other, True)):
        done = program(source, cwd, "platform-changes", chosen=chosen)
        assert done.returncode == 0, done.stderr


def test_a_project_behind_a_link_is_itself(copy: tuple[Path, Path]) -> None:
    original, _ = copy
    (original.parent / "link").symlink_to(original)
    assert program(original.parent / "link", original, "platform-changes").returncode == 0


def test_outside_of_any_project_the_platform_serves_its_own(copy: tuple[Path, Path], tmp_path: Path) -> None:
    assert program(copy[0], tmp_path, "platform-changes").returncode == 0
