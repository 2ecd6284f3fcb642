"""A project that cruft made is as the template says, and follows it from version to version."""

import json
import shutil
from pathlib import Path

import cruft
import pytest
from helpers.support import LITTER, TEMPLATE, run


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a repository of its own with this template, as v1."""
    repository = tmp_path / "template"
    shutil.copytree(TEMPLATE, repository, ignore=LITTER)
    run("git", "init", "--quiet", "-b", "main", cwd=repository)
    commit(repository, "v1")
    run("git", "tag", "v1", cwd=repository)
    return repository


@pytest.fixture
def project(template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """Return the project that cruft makes from v1, committed as the hook says."""
    (tmp_path / "work").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path / "work"))  # of the hook alone: tmp_path is a temporary folder as well
        folder: Path = cruft.create(
            str(template), output_dir=tmp_path, checkout="v1", extra_context={"author": 'Zoë "Z" O\'Neil'}
        )
    assert not (folder / ".git").exists()
    (how,) = [line for line in capfd.readouterr().err.splitlines() if "cruft adds a file" in line]
    run("sh", "-c", how.partition("file: ")[2], cwd=folder)
    return folder


def commit(repository: Path, message: str) -> None:
    """Commit all that changed in *repository*."""
    run("git", "add", "--all", cwd=repository)
    run("git", "commit", "--quiet", "--message", message, cwd=repository)


def test_fresh_project_does_not_differ_from_its_template(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cruft.diff(project, exit_code=True)
    assert cruft.check(project)
    said = capfd.readouterr()
    assert said.out.startswith("SUCCESS")
    assert said.err == ""


def test_change_in_the_project_is_all_that_differs(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / ".editorconfig").write_text("mine\n", encoding="utf-8")
    assert not cruft.diff(project, exit_code=True)
    patch = capfd.readouterr().out
    assert patch.startswith("diff --git")
    assert patch.count("diff --git") == 1


def test_update_brings_the_new_version_and_keeps_the_users_changes(template: Path, project: Path) -> None:
    with (project / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("/mine/\n")
    (project / "mine.md").write_text("mine\n", encoding="utf-8")
    commit(project, "Mine")

    generated = template / "{{cookiecutter.project_slug}}"
    (generated / "new.txt").write_text("{{ cookiecutter.author }}\n", encoding="utf-8")
    dvcignore = (generated / ".dvcignore").read_text(encoding="utf-8")
    (generated / ".dvcignore").write_text(f"{dvcignore}/new\n", encoding="utf-8")
    settings = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    (template / "cookiecutter.json").write_text(json.dumps(settings | {"__version": "9.9.9"}), encoding="utf-8")
    commit(template, "v2")
    run("git", "tag", "v2", cwd=template)

    assert not cruft.check(project)
    assert cruft.update(project, checkout="v2")
    commit(project, "Update")
    assert cruft.check(project)
    assert (project / "new.txt").read_text(encoding="utf-8") == 'Zoë "Z" O\'Neil\n'
    assert (project / ".dvcignore").read_text(encoding="utf-8").endswith("/new\n")
    assert (project / ".gitignore").read_text(encoding="utf-8").endswith("/mine/\n")
    assert (project / "mine.md").exists()
    state = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert state["checkout"] == "v2"
    assert state["context"]["cookiecutter"]["__version"] == "9.9.9"
