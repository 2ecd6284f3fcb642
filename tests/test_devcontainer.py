"""The dev container, built as its file says by the reference implementation, prepares the project and runs a notebook.

Its image is in no registry of packages: where it cannot be pulled, Debian's packages make one of the same content.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import containers
from helpers.support import run

pytestmark = pytest.mark.nightly

CLI = "@devcontainers/cli@0.89.0"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
IMAGE = """
FROM {base}
RUN apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends git make python3-venv \\
    && useradd --create-home --uid 1000 --shell /bin/bash vscode
LABEL devcontainer.metadata='[{{"remoteUser": "vscode"}}]'
"""
# The command line asks Podman for a user namespace that only a user without rights can have; root needs none.
ENGINE = """#!/bin/bash
words=()
for word; do [ "$word$EUID" = --userns=keep-id0 ] || words+=("$word"); done
exec podman "${words[@]}"
"""


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """Return a copy of the project without an environment, which belongs to the user of the container."""
    copy = tmp_path / project.name
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".venv", "__pycache__"), symlinks=True)
    run("chown", "--recursive", "1000:1000", str(copy), cwd=tmp_path)
    return copy


@pytest.fixture
def engine(folder: Path, store: Path, environment: dict[str, str]) -> str:
    """Return the program that runs containers; it has the image that devcontainer.json names."""
    name = str(json.loads((folder / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))["image"])
    known = os.environ | environment
    if subprocess.run(["podman", "pull", "--quiet", name], env=known, capture_output=True, check=False).returncode:
        base = "localhost/debian:bookworm"
        run("podman", "import", "--quiet", str(containers.debian(store)), base, cwd=store, **environment)
        (store / "Containerfile").write_text(IMAGE.format(base=base), encoding="utf-8")
        build = ["podman", "build", "--quiet", "--file", "Containerfile", "--tag", name, "."]
        run(*build, cwd=store, **environment)
    program = store / "docker"
    program.write_text(ENGINE, encoding="utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def devcontainer(folder: Path, engine: str, environment: dict[str, str]) -> Iterator[list[str]]:
    """Return the words that run a command in the started container."""
    here = ["--workspace-folder", str(folder), "--docker-path", engine]
    trust = ["--remote-env", f"SSL_CERT_FILE={CERTIFICATES}", "--remote-env", f"PIP_CERT={CERTIFICATES}"]
    program = ["npx", "--yes", CLI]
    up = [*program, "up", *here, *trust, "--mount", f"type=bind,source={CERTIFICATES},target={CERTIFICATES}"]
    printed = run(*up, cwd=folder, **environment)
    started = json.loads(printed.strip().splitlines()[-1])
    assert (started["outcome"], started["remoteUser"]) == ("success", "vscode"), printed
    yield [*program, "exec", *here, *trust]
    run("podman", "rm", "--force", started["containerId"], cwd=folder, **environment)


def test_the_dev_container_is_prepared_and_runs_a_notebook(
    folder: Path, devcontainer: list[str], environment: dict[str, str]
) -> None:
    def execute(*command: str) -> str:
        return run(*devcontainer, *command, cwd=folder, **environment)

    assert execute("whoami").split()[-1] == "vscode"
    assert "passed" in execute("make", "test")
    notebook = ["notebooks/explore.ipynb", "--to", "notebook", "--execute", "--output-dir", "build"]
    execute(".venv/bin/jupyter", "nbconvert", *notebook)
    executed = json.loads((folder / "build/explore.ipynb").read_text(encoding="utf-8"))
    shown = {cell["id"]: cell["outputs"] for cell in executed["cells"] if cell["cell_type"] == "code"}
    assert "probability" in str(shown["score"][-1]["data"])
    assert not [output for outputs in shown.values() for output in outputs if output["output_type"] == "error"]
