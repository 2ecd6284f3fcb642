"""What the weekly run does: it takes the newest versions, and keeps one issue while that fails."""

import os
import re
import shutil
from pathlib import Path

import pytest
from helpers.acting import REPOSITORY, Actions
from helpers.support import GENERATED, TEMPLATE, need, run


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


@pytest.mark.tools
def test_workflow_opens_one_issue_and_then_comments_on_it(tmp_path: Path) -> None:
    need(("act", "gh", "jq"))
    work = tmp_path / "work"
    for name in (".github/workflows/weekly.yml", "Makefile", f"{GENERATED.name}/pyproject.toml"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE / name, work / name)
    (work / ".ci").mkdir()
    tests = work / ".ci/run"
    tests.write_text("#!/bin/sh\ngrep exclude-newer */pyproject.toml\nexit 1\n", encoding="utf-8")
    tests.chmod(0o755)
    run("git", "init", "--quiet", "-b", "main", cwd=work)
    actions = Actions(tmp_path, work, {})
    run("git", "remote", "add", "origin", str(actions.origin), cwd=work)
    try:
        actions.commit("Start")
        actions.push("main")
        (failed,) = actions.dispatch("weekly.yml")
        assert failed.jobs == {"nightly": "failure", "newest": "failure", "report": "success"}
        assert f'exclude-newer = "{run("date", "+%F", cwd=tmp_path).strip()}"' in failed.log
        (issue,) = actions.hub.issues
        assert issue["labels"] == ["weekly"]
        assert f"https://github.com/{REPOSITORY}/actions/runs/{failed_number(issue['body'])}" in issue["body"]
        assert not actions.hub.comments
        actions.dispatch("weekly.yml")
        assert actions.hub.issues == [issue]
        (comment,) = actions.hub.comments.values()
        assert comment["issue"] == issue["number"]
        assert failed_number(comment["body"]) != failed_number(issue["body"])
        tests.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        actions.commit("Mended")
        actions.push("main")
        (good,) = actions.dispatch("weekly.yml")
        assert good.ok
        assert (len(actions.hub.issues), len(actions.hub.comments)) == (1, 1)
    finally:
        actions.close()


def failed_number(text: str) -> str:
    """Return the number of the run that *text* names."""
    found = re.search(r"/actions/runs/(\d+)", text)
    assert found
    return found[1]
