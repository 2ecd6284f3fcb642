"""A project runs, shares and is run again elsewhere for every choice of storage, with the demo's table and another one.

The servers of objects are real programs that speak the providers' protocols; what they cannot show is the login.
"""

import csv
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from helpers import servers
from helpers.support import CHOICES, bake, fewer_flights, representatives, run

BUCKET = "models"
MAKE_CONTAINER = """
import os
from azure.storage.blob import ContainerClient
ContainerClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"], "models").create_container()
"""
NAMES = {  # storage -> answers that are as short, long or odd as is allowed
    "git": {"project_name": "Énergie d'été", "author": 'Zoë "Z" O\'Neil'},
    "s3": {"project_slug": "x", "package_name": "x"},
    "azure": {"project_slug": "n" * 50, "package_name": "n" * 30},
    "gs": {"project_name": "航班 2", "package_name": "flights_2"},
}


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """Give what DVC has to know of S3."""
    with servers.s3(folder, BUCKET) as url:
        key = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1"}
        yield {"AWS_ENDPOINT_URL": url, **key}


@contextmanager
def azure(folder: Path) -> Iterator[dict[str, str]]:
    """Give what DVC has to know of Azure."""
    with servers.azure(folder) as connection:
        yield {"AZURE_STORAGE_CONNECTION_STRING": connection}


@contextmanager
def google(folder: Path) -> Iterator[dict[str, str]]:
    """Give what DVC has to know of Google."""
    with servers.google(folder, BUCKET) as url:
        yield {"STORAGE_EMULATOR_HOST": url}


@contextmanager
def nothing(folder: Path) -> Iterator[dict[str, str]]:  # noqa: ARG001  # as the others
    """Git alone needs no server."""
    yield {}


STORAGES: dict[str, Callable[[Path], AbstractContextManager[dict[str, str]]]] = {
    "git": nothing,
    "s3": s3,
    "azure": azure,
    "gs": google,
}


PAIRS = list(itertools.product(STORAGES, ("demo", "own")))


def test_every_storage_is_tried() -> None:
    assert list(STORAGES) == CHOICES["storage"] == list(NAMES)


def buyers(path: Path) -> Path:
    """Write a small table of people, some of whom buy."""
    chance = random.Random(7)  # noqa: S311  # no secret
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "age", "city", "buys"])
        for person in range(400):
            age, city = chance.randint(18, 80), chance.choice(["Bern", "Graz", "Linz"])
            likes = age + 10 * (city == "Bern") + chance.gauss(0, 9) > 50
            writer.writerow([person, age, city, "yes" if likes else "no"])
    return path


@pytest.mark.tools  # a server of objects
@pytest.mark.parametrize(
    ("storage", "table"), representatives(itertools.product(STORAGES, ("demo", "own")), ("s3", "own"))
)
def test_project_runs_here_and_is_not_run_again_elsewhere(
    storage: str, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"storage": storage, **NAMES[storage]} | ({"bucket": BUCKET} if storage != "git" else {})
    if table == "own":
        answers |= {"data": str(buyers(tmp_path / "buyers.csv")), "target": "buys"}
    made, origin, clone = bake(tmp_path / "here", **answers), tmp_path / "origin.git", tmp_path / "clone"
    if table == "demo":
        fewer_flights(made)
    with STORAGES[storage](tmp_path) as known:
        for name, value in known.items():
            monkeypatch.setenv(name, value)
        run("make", "setup", cwd=made)
        if storage == "azure":
            run(".venv/bin/python", "-c", MAKE_CONTAINER, cwd=made)
        assert "golden rows" in run("make", "all", cwd=made)
        run("make", "lint", cwd=made)
        run("make", "test", cwd=made)
        run("git", "init", "--quiet", "--bare", "-b", "main", str(origin), cwd=tmp_path)
        run("git", "remote", "add", "origin", str(origin), cwd=made)
        run("git", "add", "--all", cwd=made)
        run("git", "commit", "--quiet", "-m", "The first model", cwd=made)
        run("git", "push", "--quiet", "origin", "main", cwd=made)  # its hook brings data and models to the storage
        run("make", "push-store", cwd=made)
        run("git", "clone", "--quiet", "--single-branch", str(origin), str(clone), cwd=tmp_path)
        run("make", "setup", "pull-store", cwd=clone)
        again = run("make", "pipeline", cwd=clone, CI="true")
        assert "Running stage" not in again
        assert "Data and pipelines are up to date" in again
        for path in ("models/export/model.onnx", "reports/metrics.json"):
            assert (clone / path).read_bytes() == (made / path).read_bytes()
        (package,) = (path.name for path in (clone / "src").iterdir())
        assert "version: 1\n" in run(f".venv/bin/{package}", "registry", "show", "challenger", cwd=clone)
