"""A project follows its template as the how-to page says: made by cruft, or linked to it later."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cruft
import pytest
from helpers.acting import REPOSITORY, Actions
from helpers.pages import blocks
from helpers.support import GENERATED, LITTER, QUESTIONS, SETTINGS, TEMPLATE, bake, run

pytestmark = pytest.mark.nightly


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a repository of its own with this template, whose version has a tag."""
    repository = tmp_path / "template"
    shutil.copytree(TEMPLATE, repository, ignore=LITTER)
    run("git", "init", "--quiet", "-b", "main", cwd=repository)
    commit(repository, "Then")
    run("git", "tag", f"v{SETTINGS['__version']}", cwd=repository)
    return repository


def commit(repository: Path, message: str) -> None:
    """Commit all that changed in *repository*."""
    run("git", "add", "--all", cwd=repository)
    run("git", "commit", "--quiet", "-m", message, cwd=repository)


def answering(block: str, template: Path, *answers: str) -> str:
    """Return commands of which those of cruft are answered so, after Enter at each question."""
    lines = "\\n" * len(QUESTIONS) + "\\n".join([*answers, ""])
    return re.sub(r"(?m)^(uvx cruft .*)TEMPLATE$", rf"printf '{lines}' | \1{template}", block)


@pytest.fixture
def github(template: Path, tmp_path: Path) -> Iterator[Actions]:
    """Return a project that was made as the page says, at GitHub."""
    (_, text), *_ = blocks("how-to/update.md")
    for name in ("work", "github"):
        (tmp_path / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path / "work"))  # of the hook: tmp_path is a temporary folder as well
        run("bash", "-euc", answering(text, template), cwd=tmp_path, UV_OFFLINE="1")
    found = Actions(tmp_path / "github", tmp_path / "flight-delays", {"UV_OFFLINE": "1"})
    run("git", "remote", "add", "origin", f"git@github.com:{REPOSITORY}.git", cwd=found.work)
    run("make", "setup", cwd=found.work, CI="true")
    commit(found.work, "Lock")
    run("git", "push", "--quiet", "origin", "main", cwd=found.work, **found.laptop)
    yield found
    found.close()


def test_project_that_cruft_made_takes_what_the_template_has_learned(template: Path, github: Actions) -> None:
    assert run("git", "log", "--format=%s", cwd=github.work) == "Lock\nStart flight-delays\n"
    _, (_, text), _ = blocks("how-to/update.md")
    (template / GENERATED.name / "news.md").write_text("# {{ cookiecutter.project_name }}\n", encoding="utf-8")
    commit(template, "Now")
    said = run("bash", "-euc", text, cwd=github.work, **github.laptop)
    (pull,) = github.hub.pulls.values()
    assert pull["html_url"] in said
    assert run("git", "show", f"{pull['head']['sha']}:news.md", cwd=github.origin) == "# Flight Delays\n"


def test_project_that_cookiecutter_made_is_linked(template: Path, tmp_path: Path) -> None:
    ((_, text),) = blocks("how-to/update.md", "A project that cookiecutter made")
    project = bake(tmp_path)
    tool = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (template / GENERATED.name / "news.md").write_text("news\n", encoding="utf-8")
    commit(template, "Now")
    run("bash", "-euc", answering(text, template, f"v{tool['cruft']['version']}"), cwd=project, UV_OFFLINE="1")
    assert run("git", "log", "-1", "--format=%s", "--", ".cruft.json", cwd=project) == "Follow the template\n"
    assert cruft.diff(project, exit_code=True)
    assert not cruft.check(project)
    assert cruft.update(project, skip_apply_ask=True)
    assert (project / "news.md").read_text(encoding="utf-8") == "news\n"
