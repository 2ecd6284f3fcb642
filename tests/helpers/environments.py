"""Where a model is used outside of its project: as a container, by compose, as a pod, in PostgreSQL and in Spark.

Each yields an address, or returns answers, and leaves nothing running.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import containers, servers
from .scoring_image import STRICT, Podman
from .spark import LOCAL
from .support import run, sources


@contextmanager
def container(podman: Podman, image: str) -> Iterator[str]:
    """Yield the URL of a container that is run as a cluster runs it."""
    name = podman("run", "--quiet", "--detach", *STRICT, "--publish=127.0.0.1::3000", image)
    try:
        url = f"http://{podman('port', name, '3000/tcp')}"
        containers.wait_for(f"{url}/readyz")
        yield url
    finally:
        podman("rm", "--force", name)


@contextmanager
def composed(image: str, project: Path, environment: dict[str, str]) -> Iterator[str]:
    """Yield the URL of the service that deploy/compose.yaml starts."""
    port = servers.free_port()
    variables = environment | {"IMAGE": image, "PORT": str(port)}
    compose = ["podman-compose", "--file", "deploy/compose.yaml"]
    run(*compose, "up", "--detach", cwd=project, **variables)
    try:
        containers.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        run(*compose, "down", cwd=project, **variables)


def rendered(project: Path, image: str) -> list[dict[str, Any]]:
    """Return what staging applies once *image*, the one that was pushed last, is pinned there."""
    program = (".venv/bin/flight_delays", "overlay")
    run(*program, "pin", "staging", cwd=project, **sources(project))
    assert run(*program, "show", "staging", cwd=project, **sources(project)).strip() == image
    return list(yaml.safe_load_all(run("kubectl", "kustomize", "deploy/overlays/staging", cwd=project)))


@contextmanager
def pod(podman: Podman, manifests: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """Yield the URL of the service that *manifests* start; Podman knows no autoscaler, policy or namespace."""
    port, kept = servers.free_port(), [part for part in manifests if part["kind"] in ("Deployment", "Service")]
    (deployment,) = (part for part in kept if part["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0] |= {"hostPort": port, "hostIP": "127.0.0.1"}
    file = folder / "staging.yaml"
    file.write_text(yaml.safe_dump_all(kept), encoding="utf-8")
    podman("kube", "play", str(file))
    try:
        containers.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        podman("kube", "down", str(file))


def packages(project: Path, group: str, python: str, folder: Path) -> Path:
    """Install the packages of a dependency group, as they are locked, in a new folder for *python*."""
    command = ["uv", "export", "--quiet", "--frozen", "--only-group", group, "--no-emit-workspace"]
    folder.mkdir()
    requirements = folder.with_suffix(".txt")
    requirements.write_text(run(*command, cwd=project), encoding="utf-8")
    install = ["uv", "pip", "install", "--quiet", "--python", python, "--target", str(folder)]
    run(*install, "--requirements", str(requirements), cwd=folder)
    return folder


@contextmanager
def database(project: Path, commands: str) -> Iterator[str]:
    """Yield the URL of a PostgreSQL in which the *commands* of docs/how-to/in-database.md have made a function."""
    if not list(Path("/usr/share/postgresql").glob("*/extension/plpython3u.control")):
        pytest.skip("plpython3u is not installed: .ci/run installs it")
    # not below pytest's own folder, which nobody else may enter
    with tempfile.TemporaryDirectory(prefix="score-") as folder, servers.postgres() as place:
        Path(folder).chmod(0o755)
        url, python = f"postgresql://{place}", f"/usr/bin:{os.environ['PATH']}"  # the server's python3
        run("sh", "-euc", commands, cwd=project, DATABASE_URL=url, FOLDER=folder, PATH=python)
        yield url


def spark(project: Path, rows: Path, scratch: Path) -> Path:
    """Score the Parquet files in *rows* with Spark on all cores of this machine; return the folder of the answers."""
    scored, folder = (
        scratch / "scored",
        packages(project, "spark", str(project / ".venv/bin/python"), scratch / "spark"),
    )
    path = os.pathsep.join([*sources(project).values(), str(folder)])
    command = [str(project / ".venv/bin/flight_delays"), "score", str(rows), str(scored), "--engine=spark"]
    command += [f"--model={project / 'models/export'}", "--run=proof"]
    run(*command, cwd=project, **LOCAL, PYTHONPATH=path)
    return scored / "run=proof"
