"""Each test runs in a copy of the example project, so that nothing is written into the source tree."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the Makefile: the same bytes, and no threads that wait for cores

import pytest
from helpers import contracts, models, repository
from helpers.git import git
from hypothesis.configuration import set_hypothesis_home_dir

from mlgitops.common import project
from mlgitops.store import mlflow_backend

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")  # it would write into the current folder
STATES: dict[str, dict[str, Any]] = {}  # of the generator RANDOM of a module, after its import
collect_ignore = ["example", *(["repository"] if repository.is_template() else [])]


@pytest.fixture(scope="session", autouse=True)
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of the example project, a copy, in which tests start; it stands for the enclosing project."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(contracts.EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        for path in (here, here.parent / "src"):  # for the processes that tests start
            patch.setenv("PYTHONPATH", str(path), prepend=os.pathsep)
        patch.chdir(folder)
        patch.setattr(project, "HOME", folder)
        yield folder


@pytest.fixture(autouse=True)
def _in_example(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example)


@pytest.fixture(autouse=True)
def _same_chance(request: pytest.FixtureRequest) -> None:
    """Let each test draw the same numbers from the generator of its module, whichever tests ran before."""
    if generator := getattr(request.module, "RANDOM", None):
        generator.bit_generator.state = STATES.setdefault(request.module.__name__, generator.bit_generator.state)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an exported model, trained on example rows of the example's contract."""
    return models.exported(contracts.example(), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def exported_of(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of a model: "project", or of a task with awkward columns, made once."""

    @cache
    def of(which: str) -> Path:
        if which == "project":
            return exported
        return models.exported(contracts.wide(which), tmp_path_factory.mktemp(which))

    return of


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an MLflow database without a run, to copy: to make one takes seconds, so that all workers share it."""
    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "mlflow" / "mlflow.db"
    path.parent.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        mlflow_backend.connect()  # makes it once, however many processes ask
    return path


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Return a bare repository."""
    git("init", "--quiet", "--bare", "-b", "main", str(tmp_path / "origin.git"), cwd=tmp_path)
    return tmp_path / "origin.git"
