"""Fixtures: the scoring image of a project, built for real and pushed to a registry on this machine."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import containers, servers
from .support import need, run, sources

BASE = "docker.io/library/python:3.11-slim"
STRICT = [
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
]
Podman = Callable[..., str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder in which everything about containers is kept, and a registry runs."""
    need(containers.TOOLS)
    folder = tmp_path_factory.mktemp("store")
    registry = f"localhost:{servers.free_port()}"
    (folder / "address").write_text(registry, encoding="utf-8")
    environment = containers.engine(folder, registry)
    with containers.serving(folder, registry):
        yield folder
    run("podman", "rm", "--all", "--force", cwd=folder, **environment)
    run("podman", "rmi", "--all", "--force", cwd=folder, **environment)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def repository(store: Path) -> str:
    """Return where the image is pushed."""
    return (store / "address").read_text(encoding="utf-8") + "/team/flight-delays"


@pytest.fixture(scope="module")
def environment(store: Path, repository: str) -> dict[str, str]:
    """Return the variables that make every program use the engine and registry of these tests."""
    return containers.engine(store, repository.partition("/")[0]) | {"IMAGE_REPOSITORY": repository}


@pytest.fixture(scope="module")
def approved(project: Path, store: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project whose model is a version, and no longer lies in the work tree."""
    copy = tmp_path_factory.mktemp("approved") / project.name
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    (copy / ".venv").symlink_to(project / ".venv")
    base = containers.base(BASE, environment["IMAGE_REPOSITORY"].partition("/")[0], store, os.environ | environment)
    params = (copy / "params.yaml").read_text(encoding="utf-8")
    (copy / "params.yaml").write_text(re.sub(r"(?m)^  base: .*$", f"  base: {base}", params), encoding="utf-8")
    environment |= sources(copy)
    run("git", "add", "--all", cwd=copy)
    run("git", "commit", "--quiet", "--no-verify", "-m", "The first model", cwd=copy)
    run("make", "review", "register", cwd=copy, **environment)
    shutil.rmtree(copy / "models")
    return copy


@pytest.fixture(scope="module")
def built(approved: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Return what is known of the image, once it is built and pushed."""
    secret = {"UV_EXTRA_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": "https://robot:hunter2@packages.example.org/simple"}
    said = run("make", "image", "push-image", cwd=approved, **environment | secret)
    assert "golden" in said
    found: dict[str, Any] = json.loads((approved / "build/image.json").read_text(encoding="utf-8"))
    assert said.strip().splitlines()[-1] == f"{found['repository']}@{found['digest']}"
    return found


@pytest.fixture(scope="module")
def podman(approved: Path, environment: dict[str, str]) -> Podman:
    """Return a function that runs Podman and returns what it prints."""
    return lambda *words: run("podman", *words, cwd=approved, **environment).strip()
