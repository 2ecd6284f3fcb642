"""What the tests of every tier share: baking a project and running commands in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter
from filelock import FileLock

TEMPLATE = Path(__file__).resolve().parents[2]
GENERATED = TEMPLATE / "{{cookiecutter.project_slug}}"
SETTINGS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
LITTER = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", "uv.lock")
QUESTIONS = {name: default for name, default in SETTINGS.items() if not name.startswith("_")}
CHOICES = {name: words for name, words in QUESTIONS.items() if isinstance(words, list)}


def bake(folder: Path, **answers: str) -> Path:
    """Return the project that *answers* bake in *folder*; what has no answer keeps its default."""
    if answers.get("storage", "git") != "git":
        answers = {"bucket": "a-bucket", **answers}
    return Path(cookiecutter(str(TEMPLATE), no_input=True, extra_context=answers, output_dir=str(folder)))


def copied(project: Path, folder: Path) -> Path:
    """Return a copy of *project* in *folder*, with files, state and caches of its own, and the same environment."""
    copy = folder / project.name
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    (copy / ".venv").symlink_to(project / ".venv")
    (copy / ".git/info/exclude").write_text("/.venv\n", encoding="utf-8")
    return copy


def fewer_flights(project: Path) -> None:
    """Let the demo take every 27th flight, so that its pipeline takes seconds."""
    (dataset,) = (project / "src").glob("*/dataset.py")
    text = dataset.read_text(encoding="utf-8")
    shorter = text.replace("LATE,\n        }\n    )", "LATE,\n        }\n    ).iloc[::27]")
    assert shorter != text
    dataset.write_text(shorter, encoding="utf-8")


def sources(project: Path) -> dict[str, str]:
    """Return the variable that lets Python import the packages of *project* before those that an environment links."""
    return {"PYTHONPATH": os.pathsep.join(str(project / folder) for folder in ("src", "platform/src"))}


def representatives(cases: Iterable[Any], *chosen: Any) -> list[Any]:
    """Return the cases of a parametrized test, of which all but the *chosen* ones run every night alone."""
    cases = list(cases)
    missing = [case for case in chosen if case not in cases]
    assert not missing, missing
    values = [(case if isinstance(case, tuple) else (case,), case in chosen) for case in cases]
    return [pytest.param(*value, marks=() if is_chosen else pytest.mark.nightly) for value, is_chosen in values]


def need(tools: Iterable[str]) -> None:
    """Skip the test where one of the *tools* is not installed."""
    if lacking := [tool for tool in tools if not shutil.which(tool)]:
        pytest.skip(f"not installed here: {', '.join(lacking)}; .ci/run installs them")


def once(folder: Path, make: Callable[[], None]) -> None:
    """Let the first of the test processes that share *folder* call *make*; the others wait until it is done."""
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "done").exists():
            make()
            (folder / "done").touch()


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Return what *command* prints in *cwd*; fail with all of it where its exit code is not zero."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def files(project: Path) -> set[str]:
    """Return the paths of all files of *project*, except those of git itself."""
    paths = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if path.parts[0] != ".git"}


def texts(project: Path) -> Iterator[tuple[str, str]]:
    """Yield path and content of each text file of *project*."""
    for path in sorted(files(project)):
        content = (project / path).read_bytes()
        if b"\0" not in content and not content.startswith(b"\x1f\x8b"):  # neither binary nor gzip
            yield path, content.decode("utf-8")
