"""A project follows its template: a clean update is a pull request, one with conflicts commits and pushes nothing."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cruft
import pytest
from helpers.acting import REPOSITORY, Actions
from helpers.support import GENERATED, LITTER, TEMPLATE, copied, once, run, sources

PACKAGE = "src/flight_delays"
METRICS = "platform/src/mlgitops/model/metrics.py"
DOCSTRING = r'\A"""[^"\n]*'


def commit(repository: Path, message: str) -> None:
    """Commit all that changed in *repository*."""
    run("git", "add", "--all", cwd=repository)
    run("git", "commit", "--quiet", "--no-verify", "--message", message, cwd=repository)


def edit(folder: Path, name: str, pattern: str, replacement: str) -> None:
    """Change the first place of a file that matches."""
    text, times = re.subn(pattern, replacement, (folder / name).read_text(encoding="utf-8"), count=1)
    assert times == 1
    (folder / name).write_text(text, encoding="utf-8")


def two_versions(repository: Path) -> None:
    """Make a repository of this template at v1, and a later commit that changes each kind of file."""
    shutil.copytree(TEMPLATE, repository, ignore=LITTER)
    run("git", "init", "--quiet", "-b", "main", cwd=repository)
    commit(repository, "v1")
    run("git", "tag", "v1", cwd=repository)
    generated = repository / GENERATED.name
    (generated / "news.md").write_text("# {{ cookiecutter.project_name }}\n", encoding="utf-8")
    edit(generated, "README.md", r"\A# .*", "# {{ cookiecutter.project_name }}, anew")
    edit(generated, METRICS, DOCSTRING, '"""Metrics, anew.')
    edit(generated, "src/{{cookiecutter.package_name}}/model.py", DOCSTRING, '"""Yours, anew.')
    edit(repository, "cookiecutter.json", r'"__version": ".*?"', '"__version": "9.9.9"')
    commit(repository, "v2")


@pytest.fixture(scope="module")
def made(baked: Path, shared: Path) -> Path:
    """Return a project that cruft has made of v1, not committed yet: to copy."""
    folder = shared / "update"

    def make() -> None:
        two_versions(folder / "template")
        with pytest.MonkeyPatch.context() as patch:
            (folder / "work").mkdir()
            patch.setenv("TMPDIR", str(folder / "work"))  # the hook tells a render of cruft's by it
            cruft.create(str(folder / "template"), output_dir=folder, checkout="v1")
        project = folder / baked.name
        run("git", "init", "--quiet", "-b", "main", cwd=project)
        (project / ".venv").symlink_to(baked / ".venv")

    once(folder, make)
    return folder / baked.name


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """Return a copy to change."""
    return copied(made, tmp_path)


@pytest.fixture
def github(project: Path, tmp_path: Path) -> Iterator[Actions]:
    """Return the project at a GitHub of its own, where only the workflow `template` runs."""
    (tmp_path / "github").mkdir()
    started = Actions(tmp_path / "github", project, {})
    run("git", "remote", "add", "origin", f"git@github.com:{REPOSITORY}.git", cwd=project)
    started.left_out = {path.name for path in (GENERATED / ".github/workflows").iterdir()} - {"template.yml"}
    yield started
    started.close()


def start(github: Actions) -> str:
    """Commit everything, push it to main, and return the commit."""
    commit(github.work, "Ours")
    run("git", "push", "--quiet", "--no-verify", "origin", "main", cwd=github.work, **github.laptop)
    return head(github.work)


def head(project: Path) -> str:
    """Return the commit of the work tree."""
    return run("git", "rev-parse", "HEAD", cwd=project).strip()


def refused(github: Actions) -> str:
    """Return what `make update-template` prints where it fails."""
    done = subprocess.run(
        ["make", "update-template"],
        cwd=github.work,
        env=os.environ | github.laptop,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode, done.stdout
    return done.stderr


def test_clean_update_is_a_pull_request_that_leaves_alone_what_is_the_users(github: Actions) -> None:
    project = github.work
    edit(project, f"{PACKAGE}/model.py", DOCSTRING, '"""Ours.')
    (project / PACKAGE / "ours.py").write_text('"""Ours."""\n', encoding="utf-8")
    with (project / "contract.yaml").open("a", encoding="utf-8") as contract:
        contract.write("# ours\n")
    before = start(github)
    said = run("make", "update-template", cwd=project, **github.laptop)
    (pull,) = github.hub.pulls.values()
    assert pull["html_url"] in said
    assert (pull["head"]["ref"], pull["title"]) == ("template", "Update from the template")
    assert ".rej" not in pull["body"]
    assert run("git", "log", "--format=%s", f"{before}..template", cwd=project) == "Update from the template\n"
    assert run("git", "rev-parse", "template", cwd=github.origin).strip() == head(project)
    assert run("git", "rev-parse", "main", cwd=project).strip() == before, "main is where it was"
    changed = run("git", "diff", "--name-only", before, "template", cwd=project).split()
    assert {METRICS, "README.md", "news.md", "platform/SHA256", "pyproject.toml", ".cruft.json"} == {*changed}
    assert (project / "news.md").read_text(encoding="utf-8") == "# Flight Delays\n"
    assert '\nversion = "9.9.9" # of the template' in (project / "pyproject.toml").read_text(encoding="utf-8")
    program = str(project / ".venv/bin/flight_delays")
    assert run(program, "platform-changes", cwd=project, **sources(project)) == ""
    assert "up to date" in run("make", "update-template", cwd=project, **github.laptop)


def test_update_with_conflicts_says_where_and_commits_nothing(github: Actions) -> None:
    project = github.work
    commit(project, "Start")
    edit(project, METRICS, DOCSTRING, '"""Metrics of ours.')
    edit(project, "README.md", r"\A# .*", "# Houses of ours")
    before = start(github)
    said = refused(github)
    listed = [line.strip() for line in said.splitlines() if line.startswith("  ") and not line.strip()[0].isdigit()]
    assert listed == ["README.md", METRICS]
    assert head(project) == before
    assert run("git", "for-each-ref", "--format=%(refname)", cwd=github.origin) == "refs/heads/main\n"
    assert github.hub.pulls == {}
    assert "the work tree has changes" in refused(github)
    # the steps that the message lists
    run("git", "checkout", "--quiet", "--ours", ".", cwd=project)
    for step in re.findall(r"(?m)^  [23]\. (git [^,\n]*)", said):
        run("bash", "-euc", step, cwd=project, **github.laptop)
    assert run("git", "rev-parse", "template", cwd=github.origin).strip() == head(project) != before
    assert "Metrics of ours" in (project / METRICS).read_text(encoding="utf-8")
    assert (project / "news.md").is_file()


def test_part_that_git_cannot_merge_is_a_conflict_as_well(github: Actions) -> None:
    """The file of the release was never committed here, so that there is nothing to merge three ways."""
    edit(github.work, "README.md", r"\A# .*", "# Houses of ours")
    before = start(github)
    assert "\n  README.md.rej\n" in refused(github)
    assert head(github.work) == before
    assert github.hub.pulls == {}


def test_update_does_not_start_where_something_is_not_committed(github: Actions) -> None:
    start(github)
    (github.work / "ours.md").write_text("ours\n", encoding="utf-8")
    assert "the work tree has changes: commit or stash them" in refused(github)
    assert run("git", "status", "--porcelain", cwd=github.work) == "?? ours.md\n"


def test_project_that_no_cruft_made_says_so(project: Path) -> None:
    (project / ".cruft.json").unlink()
    assert "was not made by `cruft create`" in run("make", "update-template", cwd=project, **sources(project))


@pytest.mark.tools
def test_workflow_opens_one_pull_request_or_fails_with_the_conflicts(github: Actions) -> None:
    run("uv", "lock", "--quiet", cwd=github.work)
    start(github)
    reach = [
        name
        for name in os.environ
        if name.startswith(("SSL_CERT", "UV_INDEX", "UV_DEFAULT_INDEX")) or "_PROXY" in name.upper()
    ]
    github.environment |= {"UV_OFFLINE": "false"} | {name: os.environ[name] for name in reach}  # uv may fetch cruft
    for _ in range(2):  # the second one finds the pull request
        (updated,) = github.dispatch("template.yml")
        assert updated.ok, updated.failures
    (pull,) = github.hub.pulls.values()
    edit(github.work, METRICS, DOCSTRING, '"""Metrics of ours.')
    start(github)
    before = run("git", "rev-parse", "template", cwd=github.origin)
    (conflicting,) = github.dispatch("template.yml")
    assert conflicting.jobs == {"update": "failure"}
    assert METRICS in conflicting.failures
    assert run("git", "rev-parse", "template", cwd=github.origin) == before
    assert list(github.hub.pulls.values()) == [pull]
