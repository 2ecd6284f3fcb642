"""The deploy targets, each of which returns and replaces the running image; here, a cluster and one server."""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ..common.errors import ProjectError
from ..image.overlay import pin
from ..serving.smoke import free_port
from .azureml import AzureML
from .cloudrun import CloudRun
from .tools import rollout_seconds, run_tool

DEPLOY = Path("deploy")
CHALLENGER = ("app.kubernetes.io/component", "challenger")  # the label of the canary beside the deployment


def find(environment: str, manifests: Path = DEPLOY) -> "Target | None":
    """Return the target in DEPLOY_TARGET for an environment (staging or production), or None if it is not set.

    *manifests* is the folder deploy/ that describes what runs there.
    """
    target = os.environ.get("DEPLOY_TARGET") or "none"
    if target == "none":
        return None
    if target not in KINDS:
        raise ProjectError(f"DEPLOY_TARGET is {target}: expected none, {', '.join(KINDS)}")
    return KINDS[target](environment, manifests)


class Kubernetes:
    """A Kubernetes cluster, accessed with kubectl and KUBECONFIG."""

    platform: str | None = None  # of the image to deploy, such as linux/amd64
    awaited = False  # whether `apply` returns once requests are answered

    def __init__(self, environment: str, manifests: Path) -> None:
        """Read the overlay of *environment*; KUBECONFIG_DATA, if set, is the content of kubectl's configuration."""
        self.environment, self.manifests = environment, manifests
        if data := os.environ.get("KUBECONFIG_DATA"):
            descriptor, path = tempfile.mkstemp(prefix="kubeconfig-", dir=os.environ.get("RUNNER_TEMP"))
            os.environ["KUBECONFIG"] = path
            atexit.register(Path(path).unlink, missing_ok=True)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:  # only this user can read it
                file.write(data)
        self.url = os.environ.get("SCORING_URL")  # if unset, a port is forwarded
        rendered = [r for r in yaml.safe_load_all(self._rendered(None)) if r["kind"] == "Deployment"]
        metadata = next(
            r["metadata"] for r in rendered if CHALLENGER not in (r["metadata"].get("labels") or {}).items()
        )
        self.name, self.namespace = metadata["name"], metadata["namespace"]

    def _rendered(self, image: str | None) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copytree(self.manifests, Path(scratch) / "deploy")
            overlay = Path(scratch) / "deploy" / "overlays" / self.environment
            if image:
                pin(overlay / "kustomization.yaml", image, self.platform)
            return run_tool(["kubectl", "kustomize", str(overlay)])

    def _in_namespace(self, *arguments: str) -> str:
        return run_tool(["kubectl", "--namespace", self.namespace, *arguments])

    def current(self) -> str | None:
        """Return the image of the deployment, or None."""
        jsonpath = "jsonpath={.spec.template.spec.containers[0].image}"
        return self._in_namespace("get", "deployment", self.name, "--ignore-not-found", "--output", jsonpath) or None

    def apply(self, image: str) -> None:
        """Apply the overlay with *image* and wait for the rollout."""
        run_tool(["kubectl", "apply", "--filename", "-"], self._rendered(image))
        self._in_namespace("rollout", "status", f"deployment/{self.name}", f"--timeout={rollout_seconds()}s")

    @contextmanager
    def address(self) -> Iterator[str]:
        """Yield SCORING_URL, or the URL of a local port that is forwarded to the service."""
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
    """Docker or Podman on this machine: for a runner on the server itself (see docs/deploy.md)."""

    platform: str | None = None  # the engine picks the image of its own
    awaited = False

    def __init__(self, environment: str, manifests: Path) -> None:
        """Run compose.yaml of *manifests* as a separate Compose project for *environment*."""
        file = manifests / "compose.yaml"
        slug = yaml.safe_load(file.read_text(encoding="utf-8"))["name"]
        self.project = f"{slug}-{environment}"
        self.port = os.environ.get("SCORING_PORT") or ("3000" if environment == "production" else "3001")
        self.engine = os.environ.get("IMAGE_ENGINE") or ("docker" if shutil.which("docker") else "podman")
        program = ["docker", "compose"] if self.engine == "docker" else ["podman-compose"]
        self.command = [*program, "--file", str(file), "--project-name", self.project]

    def current(self) -> str | None:
        """Return the image of the project's container, or None."""
        return next(iter(self._containers("{{.Image}}")), None)

    def apply(self, image: str) -> None:
        """Replace the container with one of *image*."""
        self._up(image)
        if self.current() not in (None, image):
            # a crashing container may be restarted while podman-compose replaces it: podman-compose then keeps it and
            # exits with 0
            run_tool([self.engine, "rm", "--force", *self._containers("{{.ID}}")])
            self._up(image)

    def _containers(self, field: str) -> list[str]:
        label = f"label=com.docker.compose.project={self.project}"
        return run_tool([self.engine, "ps", "--all", "--filter", label, "--format", field]).split()

    def _up(self, image: str) -> None:
        run_tool([*self.command, "up", "--detach", "--force-recreate"], IMAGE=image, PORT=self.port)

    @contextmanager
    def address(self) -> Iterator[str]:
        """Yield the URL of the port that compose.yaml publishes."""
        yield f"http://127.0.0.1:{self.port}"


Target = Kubernetes | Compose | AzureML | CloudRun
KINDS: dict[str, type[Target]] = {
    "kubernetes": Kubernetes,
    "compose": Compose,
    "azureml": AzureML,
    "cloudrun": CloudRun,
}
