"""A release is a commit and a tag that say what the changelog says, or nothing at all."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.support import GENERATED, TEMPLATE, run

FILES = ("CHANGELOG.md", "cookiecutter.json", "pyproject.toml", "release.py",
         "docs/tutorial.md", f"{GENERATED.name}/pyproject.toml",
         f"{GENERATED.name}/platform/pyproject.toml")  # fmt: skip
Release = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with the files that a release changes, and one release behind it."""
    (tmp_path / GENERATED.name / "platform").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for name in FILES:
        shutil.copy(TEMPLATE / name, tmp_path / name)
    text = re.sub(r"(?m)^(## \[)", "## [9.8.7] - unreleased\n\n### Added\n\n- Better.\n\n\\1",
                  (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8"), count=1)  # fmt: skip
    (tmp_path / "CHANGELOG.md").write_text(text, encoding="utf-8")
    run("git", "init", "--quiet", "-b", "main", cwd=tmp_path)
    run("git", "add", "--all", cwd=tmp_path)
    run("git", "commit", "--quiet", "-m", "Before", cwd=tmp_path)
    run("git", "tag", "v9.8.6", cwd=tmp_path)
    return tmp_path


@pytest.fixture
def release(repository: Path) -> Release:
    """Return a function that tries to release a version there."""
    return lambda version: subprocess.run(
        [sys.executable, "release.py", version], cwd=repository, capture_output=True, encoding="utf-8", check=False
    )


def test_release_is_a_commit_and_its_tag(repository: Path, release: Release) -> None:
    done = release("9.8.7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["  git push origin main", "  git push origin v9.8.7"]
    assert run("git", "status", "--porcelain", cwd=repository) == ""
    assert run("git", "log", "--format=%s", cwd=repository) == "Release 9.8.7\nBefore\n"
    assert run("git", "cat-file", "-t", "v9.8.7", cwd=repository) == "tag\n"
    assert run("git", "tag", "--list", "v9.8.7", "--format=%(contents)", cwd=repository).strip() == (
        "9.8.7\n\n### Added\n\n- Better."
    )
    assert json.loads((repository / "cookiecutter.json").read_text(encoding="utf-8"))["__version"] == "9.8.7"
    platform = (repository / GENERATED.name / "platform/pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'(?m)^version = "(.*)"', platform) == ["9.8.7"]
    (day,) = re.findall(r"(?m)^## \[9\.8\.7\] - (.*)$", (repository / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    tutorial = (repository / "docs/tutorial.md").read_text(encoding="utf-8")
    assert re.findall(r"--checkout (\S+)", tutorial) == ["v9.8.7"]
    for name in ("pyproject.toml", f"{GENERATED.name}/pyproject.toml"):
        assert f'\nexclude-newer = "{day}"' in (repository / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("version", "before", "told"),
    [
        ("9.8", "", "write it as 1.2.3"),
        ("", "", "write it as 1.2.3"),
        ("9.8.7", "touch new", "has changes"),
        ("9.8.7", "git checkout -q -b other", "releases are made on main"),
        ("9.8.6", "", "is not newer than 9.8.6"),
        ("9.8.7", "git tag v9.8.10", "is not newer than 9.8.10"),
        ("9.9.0", "", "says nothing of 9.9.0"),
        ("9.8.7", "sed -i.bak '/^- /d' CHANGELOG.md && rm *.bak && git commit -qam Empty", "says nothing of 9.8.7"),
    ],
)
def test_what_is_not_ready_is_not_released(
    version: str, before: str, told: str, repository: Path, release: Release
) -> None:
    run("sh", "-ec", before, cwd=repository)
    head, tags = (run("git", *words, cwd=repository) for words in (["rev-parse", "HEAD"], ["tag"]))
    done = release(version)
    assert done.returncode == 1
    assert told in done.stderr
    assert run("git", "rev-parse", "HEAD", cwd=repository) == head
    assert run("git", "tag", cwd=repository) == tags
