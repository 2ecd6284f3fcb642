"""Every test runs with a git and a cookiecutter of its own, whatever the machine's user has set up."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from helpers.support import bake, copied, fewer_flights, once, run, sources

pytest_plugins = ["helpers.scoring_image"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail in CI, where .ci/run has installed what the tests need."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest test first: the other workers do the rest meanwhile."""
    items.sort(key=lambda item: "test_tutorial" not in item.nodeid)


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
