"""A project baked from an older version follows the template: by its own workflow, and without a loss to its user."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cruft
import pytest
from helpers.acting import Actions
from helpers.loop import PACKAGE, houses
from helpers.support import GENERATED, TEMPLATE, run

TOOLS = ("act", "gh", "jq")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a clone of this repository; where no version of it was tagged yet, the one at its head is."""
    clone = tmp_path / "template"
    run("git", "clone", "--quiet", str(TEMPLATE), str(clone), cwd=tmp_path)
    if not run("git", "tag", "--list", "v*", cwd=clone):
        run("git", "tag", "v0.0.1", cwd=clone)
    return clone


@pytest.fixture
def old(template: Path) -> str:
    """Return the newest version of the template that has a tag."""
    return run("git", "describe", "--tags", "--abbrev=0", "--match", "v*", cwd=template).strip()


@pytest.fixture
def project(template: Path, old: str, tmp_path: Path) -> Path:
    """Return a project of that version, with a table, a setting, a module and words of its user."""
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "work").mkdir()
        patch.setenv("TMPDIR", str(tmp_path / "work"))  # of the hook: tmp_path is a temporary folder as well
        made: Path = cruft.create(str(template), output_dir=tmp_path, checkout=old)
    run("git", "init", "--quiet", "-b", "main", cwd=made)
    commit(made, "Start")
    run("make", "setup", cwd=made, CI="true")
    table = houses(tmp_path / "houses.csv")
    run("make", "adopt", f"DATA={table}", "TARGET=price", cwd=made)
    edit(made, "params.yaml", r"(?m)^( +)seed: \d+", r"\1seed: 77")
    edit(made, "README.md", r"\A# .*", "# Houses of ours")
    with (made / "contract.yaml").open("a", encoding="utf-8") as contract:
        contract.write("# ours\n")
    (made / "src" / PACKAGE / "ours.py").write_text('"""Ours."""\n', encoding="utf-8")
    commit(made, "Ours")
    return made


@pytest.fixture
def actions(project: Path, tmp_path: Path) -> Iterator[Actions]:
    """Return the project at a GitHub of its own, where only the workflow `template` runs."""
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if lacking:
        pytest.skip(f"not installed here: {', '.join(lacking)}; .ci/run installs them")
    folder = tmp_path / "github"
    folder.mkdir()
    found = Actions(folder, project, {})
    run("git", "remote", "add", "origin", str(found.origin), cwd=project)
    found.left_out = {path.name for path in (GENERATED / ".github/workflows").iterdir()} - {"template.yml"}
    found.push("main")
    yield found
    found.close()


def commit(repository: Path, message: str) -> None:
    """Commit all that changed in *repository*."""
    run("git", "add", "--all", cwd=repository)
    run("git", "commit", "--quiet", "--no-verify", "--message", message, cwd=repository)


def edit(folder: Path, name: str, pattern: str, replacement: str) -> None:
    """Change the first place of a file that fits."""
    text, times = re.subn(pattern, replacement, (folder / name).read_text(encoding="utf-8"), count=1)
    assert times == 1
    (folder / name).write_text(text, encoding="utf-8")


def test_project_follows_by_its_workflow_and_keeps_what_its_user_did(
    template: Path, old: str, project: Path, actions: Actions
) -> None:
    before = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    assert before["checkout"] == old
    said = before["context"]["cookiecutter"]["__version"]
    assert f'\nversion = "{said}" # of the template' in (project / "pyproject.toml").read_text(encoding="utf-8")

    generated = template / GENERATED.name
    (generated / "news.md").write_text("# {{ cookiecutter.project_name }}\n", encoding="utf-8")
    edit(generated, "README.md", r"\A# .*", "# {{ cookiecutter.project_name }}, anew")  # where the user wrote, too
    edit(generated, ".dvcignore", r"\Z", "/news\n")
    edit(template, "cookiecutter.json", r'"__version": ".*?"', '"__version": "9.9.9"')
    commit(template, "A later version")
    (updated,) = actions.dispatch("template.yml")
    assert updated.ok, updated.failures
    (pull,) = actions.hub.pulls.values()
    assert (pull["head"]["ref"], pull["title"]) == ("template", "Update from the template")
    assert "*.rej" in pull["body"]
    (again,) = actions.dispatch("template.yml")  # main is as it was: the same pull request, not a second one
    assert again.ok, again.failures
    assert len(actions.hub.pulls) == 1

    run("git", "fetch", "--quiet", "origin", cwd=project)
    run("git", "checkout", "--quiet", "-B", "template", "origin/template", cwd=project)
    assert (project / "news.md").read_text(encoding="utf-8") == "# Flight Delays\n"
    assert (project / ".dvcignore").read_text(encoding="utf-8").endswith("/news\n")
    assert '\nversion = "9.9.9" # of the template' in (project / "pyproject.toml").read_text(encoding="utf-8")
    assert (project / "src" / PACKAGE / "ours.py").is_file()
    assert (project / "contract.yaml").read_text(encoding="utf-8").endswith("# ours\n")
    assert "seed: 77" in (project / "params.yaml").read_text(encoding="utf-8")
    assert not (project / "data/flights.py").exists()
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert "Houses of ours" in readme.partition("\n## ")[0]
    reported = project / "README.md.rej"
    assert "anew" in (reported.read_text(encoding="utf-8") if reported.exists() else readme)
    if not reported.exists():
        assert "<<<<<<<" in readme

    assert "Model accepted" in run("make", "setup", "pipeline", "review", cwd=project)


def test_project_that_no_cruft_made_says_so(project: Path) -> None:
    (project / ".cruft.json").unlink()
    done = subprocess.run(["make", "update"], cwd=project, capture_output=True, encoding="utf-8", check=False)
    assert "was not made by `cruft create`" in done.stdout
    assert done.returncode == 0
