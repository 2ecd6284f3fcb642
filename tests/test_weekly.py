"""What the weekly run does: it takes the newest versions, and keeps one issue while that fails."""

import os
import re
import shutil
from pathlib import Path

import pytest
from support import TEMPLATE, run


@pytest.mark.parametrize(("opened", "asked"), [("", "issues "), ("12", "issues/12/comments ")])
def test_one_issue_is_kept(opened: str, asked: str, tmp_path: Path) -> None:
    program = tmp_path / "gh"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/told\ncase "$*" in *state=open*) echo "{opened}" ;; esac\n')
    program.chmod(0o755)
    url = "https://example.org/run/5"
    run("make", "-o", ".venv/installed", "-f", str(TEMPLATE / "Makefile"), "issue",
        cwd=tmp_path, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", RUN=url)  # fmt: skip
    first, second = (tmp_path / "told").read_text(encoding="utf-8").splitlines()
    assert "labels=weekly" in first
    assert second.startswith("api repos/{owner}/{repo}/" + asked)
    assert url in second


def test_newest_versions_are_those_of_today(tmp_path: Path) -> None:
    folder = tmp_path / "{{cookiecutter.project_slug}}"
    folder.mkdir()
    shutil.copy(TEMPLATE / folder.name / "pyproject.toml", folder)
    run("make", "-f", str(TEMPLATE / "Makefile"), "newest", cwd=tmp_path)
    today = run("date", "+%F", cwd=tmp_path).strip()
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'(?m)^exclude-newer = "(.*)"', text) == [today]
    assert text.count(today) == 1
