"""Every test runs with a git and a cookiecutter of its own, whatever the machine's user has set up."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.support import bake, copied, fewer_flights, once, run, sources

pytest_plugins = ["helpers.scoring_image"]

# The tests that take a minute and more, or whose fixtures do; the first ones are the longest.
LONGEST = [
    "test_workflows.py::test_tutorial_leads_into_production",
    "test_workflows.py::test_tutorial_leads_into_production_and_back",
    "test_answers.py::test_project_runs_here_and_is_not_run_again_elsewhere",
    "test_update.py::test_workflow_opens_one_pull_request_or_fails_with_the_conflicts",
    "test_offline.py::test_everything_works_without_a_network",
    "test_image.py::test_image_pulled_by_digest_gives_the_golden_answers",
    "test_workflows.py::test_worse_model_and_then_bad_data_turn_the_check_red_and_one_comment_says_why",
    "test_spark.py::test_connect_survives_a_killed_worker_and_a_failed_run_changes_nothing",
    "test_browser.py::test_review_says_its_verdict_at_every_width_and_colour",
    "test_registry_server.py::test_four_processes_that_register_one_model_make_one_version",
    "test_without_make.py::test_the_loop_runs_without_make",
    "test_howto.py::test_model_answers_the_same_in_the_three_ways_of_the_page",
    "test_project.py::test_loop_decides_remembers_and_answers",
    "test_adopt.py::test_a_real_table_goes_through_the_whole_loop_to_a_scored_request",
    "test_names.py::test_every_package_that_is_locked_is_refused",
]

# One worker runs each of these files, and makes once what its tests share.
TOGETHER = {f"tests/test_{name}.py" for name in ("browser", "clients", "image", "languages", "predictions", "spark")}


@pytest.hookimpl(optionalhook=True)  # pytest-xdist is not installed where the tests of bakes run alone
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together the tests of TOGETHER; the mark xdist_group of pytest-xdist 3.8 does nothing under pytest 9.2."""
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = scope
    return scheduler


def scope(nodeid: str) -> str:
    """Return what a test belongs to that one worker runs as a whole: its file, or the test alone."""
    file = nodeid.partition("::")[0]
    return file if file in TOGETHER else nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail in CI, where .ci/run has installed what the tests need."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first: short ones are left for the end, where the workers stop at about the same time."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("[")[0].removeprefix("tests/"), len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def _machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("machine")
    (home / "gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n", encoding="utf-8")
    (home / "cookiecutter.yaml").write_text(
        f"replay_dir: '{home / 'replay'}'\ncookiecutters_dir: '{home / 'templates'}'\n", encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_") and not name.startswith("GIT_SSL")]:
            patch.delenv(name)
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # those of the make that runs the tests, if one does
            patch.delenv(name, raising=False)
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("COOKIECUTTER_CONFIG", str(home / "cookiecutter.yaml"))
        # Without the bytecode of its imports, each process that a test starts takes twice as long.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
def machine_git(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty git configuration of the user, for a test to fill."""
    config = tmp_path_factory.mktemp("git") / "config"
    config.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    return config


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def baked(shared: Path) -> Path:
    """Return a baked project with its environment: to copy, not to change."""
    folder = shared / "baked"
    once(folder, lambda: setup(folder))
    return folder / "flight-delays"


def setup(folder: Path) -> None:
    """Bake a project of few flights in *folder* and install its environment."""
    made = bake(folder)
    fewer_flights(made)
    run("git", "commit", "--quiet", "--all", "--amend", "--no-edit", cwd=made)
    run("make", "setup", cwd=made)


@pytest.fixture(scope="session")
def project(baked: Path, shared: Path) -> Path:
    """Return a copy of the baked project whose pipeline has run: to look at, not to change."""
    folder = shared / "project"

    def pipeline() -> None:
        copy = copied(baked, folder)
        said = run("make", "pipeline", cwd=copy, **sources(copy))
        (folder / "pipeline.log").write_text(said, encoding="utf-8")

    once(folder, pipeline)
    return folder / baked.name


@pytest.fixture(scope="session")
def champion(project: Path, shared: Path) -> Path:
    """Return a copy of the project whose model is committed, reviewed and the champion: to look at, not to change."""
    folder = shared / "champion"

    def promote() -> None:
        copy = copied(project, folder)
        run("git", "add", "--all", cwd=copy)
        run("git", "commit", "--quiet", "--no-verify", "-m", "The first model", cwd=copy)
        run("make", "review", "register", "promote", cwd=copy, **sources(copy))

    once(folder, promote)
    return folder / project.name


@pytest.fixture
def workspace(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of `project` to change: files, state and caches of its own, and the same environment."""
    copy = copied(project, tmp_path)
    for name, value in sources(copy).items():
        monkeypatch.setenv(name, value)
    return copy
