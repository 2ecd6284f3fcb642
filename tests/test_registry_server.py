"""The registry of a generated project on a real MLflow server with PostgreSQL, and with many processes at once."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.servers import mlflow, postgres
from helpers.support import representatives, run, sources

pytestmark = pytest.mark.tools

PACKAGE = "flight_delays"
STATE = """
import json
from mlgitops.model import tracking
from mlgitops.registry import versions
from mlgitops.store import mlflow_backend as storage
client = storage.connect()
place, model = tracking.experiment(client), versions.registered(client)
print(json.dumps({
    "versions": [str(version.version) for version in versions.listed(client)],
    "aliases": {alias: str(number) for alias, number in model.aliases.items()},
    "runs": [run.data.tags["{tag}"] for run in client.search_runs([place])],
    "models": sorted(model.name for model in client.search_logged_models([place])),
}))
""".replace("{tag}", "pipeline_sha256")
ANSWERS = f"""
import json, pandas
from mlgitops.store import mlflow_backend as storage
storage.connect()
import mlflow
model = mlflow.pyfunc.load_model("models:/{PACKAGE}@champion")
golden = json.load(open("models/export/golden.json"))
assert model.predict(pandas.DataFrame(golden["rows"])).to_dict("records") == golden["answers"]
"""


@pytest.fixture(scope="module")
def reviewed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the project whose model was reviewed, against a registry without a champion."""
    copy = tmp_path_factory.mktemp("reviewed") / project.name
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".venv", ".store"), symlinks=True)
    (copy / ".venv").symlink_to(project / ".venv")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sources(copy).items():
            patch.setenv(name, value)
        patch.setenv("GITHUB_ACTOR", "ada")
        run(str(copy / ".venv/bin" / PACKAGE), "review", cwd=copy)
        yield copy


@pytest.fixture(scope="module")
def server(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an empty MLflow server."""
    with (
        postgres() as database,
        mlflow(project / ".venv/bin/python", database, tmp_path_factory.mktemp("mlflow")) as url,
    ):
        yield url


def python(project: Path, code: str, url: str) -> str:
    """Return what *code* prints where MLflow is at *url*."""
    return run(str(project / ".venv/bin/python"), "-c", code, cwd=project, MLFLOW_TRACKING_URI=url)


def registry(project: Path, url: str, *command: str) -> str:
    """Return what a command of the registry prints."""
    return run(str(project / ".venv/bin" / PACKAGE), "registry", *command, cwd=project, MLFLOW_TRACKING_URI=url)


def imported(project: Path, url: str, origin: str) -> str:
    """Import the exported model as one from *origin*, and return the number of its version."""
    model = [f"models/export/{name}" for name in ("model.onnx", "contract.yaml")]
    said = registry(project, url, "import", *model, "--origin", origin)
    return said.split("version ")[1].split()[0]


def at_once(project: Path, url: str, *commands: tuple[str, ...]) -> list[str]:
    """Return what commands of the registry print that run at the same time."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url}
    started = [
        subprocess.Popen(
            [str(project / ".venv/bin" / PACKAGE), "registry", *command],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        for command in commands
    ]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(printed)
    return printed


def state(project: Path, url: str) -> dict[str, object]:
    """Return what the tracking store holds."""
    found: dict[str, object] = json.loads(python(project, STATE, url))
    return found


@pytest.mark.parametrize("kind", representatives(["server", "sqlite"], "server"))
def test_four_processes_that_register_one_model_make_one_version(
    kind: str, reviewed: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """On the server as in a database that none of them finds: one version, one run, one file of each kind."""
    url = request.getfixturevalue("server") if kind == "server" else f"sqlite:///{tmp_path}/new/mlflow.db"
    said = at_once(reviewed, url, *[("register", "models/export")] * 4)
    assert said == [f"models/export: version 1 of {PACKAGE}, the challenger\n"] * 4
    manifest = json.loads((reviewed / "models/export/manifest.json").read_text(encoding="utf-8"))
    assert state(reviewed, url) == {
        "versions": ["1"],
        "aliases": {"challenger": "1"},
        "runs": [manifest["pipeline_sha256"]],
        "models": ["export"],
    }


@pytest.mark.nightly
def test_a_model_goes_all_the_way_on_a_server(reviewed: Path, server: str, tmp_path: Path) -> None:
    """Register, promote, load, fetch, import, promote that, roll back, and read the history."""
    exported = reviewed / "models/export"
    registry(reviewed, server, "register", "models/export")
    assert registry(reviewed, server, "promote") == "version 1 is now the champion\n"
    python(reviewed, ANSWERS, server)
    registry(reviewed, server, "fetch", "champion", str(tmp_path / "back"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == {
        path.name: path.read_bytes() for path in exported.iterdir()
    }
    other = imported(reviewed, server, "elsewhere")
    assert other == imported(reviewed, server, "elsewhere")
    registry(reviewed, server, "promote", other)
    assert state(reviewed, server)["aliases"] == {"challenger": other, "champion": other}
    assert registry(reviewed, server, "rollback", "--reason", "a fault") == "version 1 is the champion again\n"
    head, first, *_, last_line = registry(reviewed, server, "history").splitlines()
    assert head.split() == ["when", "who", "did", "version", "evidence"]
    assert "Model accepted" in first
    assert "rolled back to  1        a fault" in last_line
    assert last_line.split()[1] == "ada"
    assert state(reviewed, server)["aliases"] == {"challenger": other, "champion": "1"}


@pytest.mark.nightly
def test_promotions_at_once_leave_alias_and_history_in_agreement(reviewed: Path, server: str) -> None:
    numbers = [imported(reviewed, server, origin) for origin in ("one place", "another place")]
    at_once(reviewed, server, *[("promote", number) for number in numbers * 2])
    last = registry(reviewed, server, "history").splitlines()[-1].split()
    found = state(reviewed, server)["aliases"]
    assert isinstance(found, dict)
    assert found["champion"] == last[3]
