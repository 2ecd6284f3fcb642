"""Where the image can run: a cluster, or one server. Each says what runs there now, and makes another image run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ..common.errors import ProjectError
from ..common.process import run
from ..image.overlay import pin
from ..serving.smoke import free_port

DEPLOY = Path("deploy")
PATIENCE = 180  # seconds for a new version to take over, unless DEPLOY_SECONDS says otherwise


def find(environment: str) -> "Target | None":
    """Return what DEPLOY_TARGET names for an environment (staging or production), None where it is not set."""
    wanted = os.environ.get("DEPLOY_TARGET") or "none"
    if wanted == "none":
        return None
    kinds: dict[str, type[Target]] = {"kubernetes": Kubernetes, "compose": Compose}
    if wanted not in kinds:
        raise ProjectError(f"DEPLOY_TARGET is {wanted}: it may be none, {', '.join(kinds)}")
    return kinds[wanted](environment)


def patience() -> int:
    """Return the seconds within which a new version has to take over."""
    return int(os.environ.get("DEPLOY_SECONDS") or PATIENCE)


def ask(command: list[str], given: str | None = None, **environment: str) -> str:
    """Return what a command of a target prints; raises ProjectError where it fails, or is not there."""
    if not shutil.which(command[0]):
        raise ProjectError(f"{command[0]} is not installed here, and DEPLOY_TARGET needs it")
    return run(*command, stdin=given, environment=environment).strip()


class Kubernetes:
    """A cluster that kubectl reaches, as KUBECONFIG says."""

    def __init__(self, environment: str) -> None:
        """Deploy the overlay of *environment*; KUBECONFIG_DATA, if it is set, is what kubectl is configured by."""
        self.environment = environment
        if data := os.environ.get("KUBECONFIG_DATA"):
            file = Path(os.environ.get("RUNNER_TEMP", tempfile.gettempdir())) / "kubeconfig"
            file.touch(mode=0o600)
            file.write_text(data, encoding="utf-8", newline="\n")
            os.environ["KUBECONFIG"] = str(file)
        self.url = os.environ.get("SCORING_URL")  # unset, a port is forwarded
        found = {one["kind"]: one["metadata"] for one in yaml.safe_load_all(self._rendered(None))}
        self.name, self.namespace = found["Deployment"]["name"], found["Deployment"]["namespace"]

    def _rendered(self, image: str | None) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copytree(DEPLOY, Path(scratch) / "deploy")
            overlay = Path(scratch) / "deploy" / "overlays" / self.environment
            if image:
                pin(overlay / "kustomization.yaml", image)
            return ask(["kubectl", "kustomize", str(overlay)])

    def _in_namespace(self, *words: str) -> str:
        return ask(["kubectl", "--namespace", self.namespace, *words])

    def current(self) -> str | None:
        """Return the image of the deployment, if there is one."""
        where = "jsonpath={.spec.template.spec.containers[0].image}"
        return self._in_namespace("get", "deployment", self.name, "--ignore-not-found", "--output", where) or None

    def apply(self, image: str) -> None:
        """Apply the overlay with *image*, and wait for its pods."""
        ask(["kubectl", "apply", "--filename", "-"], self._rendered(image))
        self._in_namespace("rollout", "status", f"deployment/{self.name}", f"--timeout={patience()}s")

    @contextmanager
    def address(self) -> Iterator[str]:
        """Give SCORING_URL, or a port of this machine that leads to the service."""
        if self.url:
            yield self.url
            return
        port = free_port()
        command = ["kubectl", "--namespace", self.namespace, "port-forward", f"service/{self.name}", f"{port}:80"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as forward:
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                forward.terminate()


class Compose:
    """This very machine, with Docker or Podman: for a runner on the server itself (see docs/deploy.md)."""

    def __init__(self, environment: str) -> None:
        """Run deploy/compose.yaml as a project of its own for *environment*."""
        file = DEPLOY / "compose.yaml"
        slug = yaml.safe_load(file.read_text(encoding="utf-8"))["name"]
        self.project = f"{slug}-{environment}"
        self.port = os.environ.get("SCORING_PORT") or ("3000" if environment == "production" else "3001")
        self.engine = os.environ.get("IMAGE_ENGINE") or ("docker" if shutil.which("docker") else "podman")
        program = ["docker", "compose"] if self.engine == "docker" else ["podman-compose"]
        self.command = [*program, "--file", str(file), "--project-name", self.project]

    def current(self) -> str | None:
        """Return the image of the project's container, if there is one."""
        return next(iter(self._containers("{{.Image}}")), None)

    def apply(self, image: str) -> None:
        """Replace the container by one of *image*."""
        self._up(image)
        if self.current() not in (None, image):
            # a container that ends again and again may be restarted while podman-compose replaces it: it is then kept,
            # and podman-compose says that all is well
            ask([self.engine, "rm", "--force", *self._containers("{{.ID}}")])
            self._up(image)

    def _containers(self, what: str) -> list[str]:
        label = f"label=com.docker.compose.project={self.project}"
        return ask([self.engine, "ps", "--all", "--filter", label, "--format", what]).split()

    def _up(self, image: str) -> None:
        ask([*self.command, "up", "--detach", "--force-recreate"], IMAGE=image, PORT=self.port)

    @contextmanager
    def address(self) -> Iterator[str]:
        """Give the port of this machine that compose.yaml publishes."""
        yield f"http://127.0.0.1:{self.port}"


Target = Kubernetes | Compose
