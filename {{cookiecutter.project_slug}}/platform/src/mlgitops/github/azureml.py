"""The deploy target azureml: a managed online endpoint of Azure Machine Learning, accessed with `az ml`.

Two deployments, blue and green, take turns: a new image becomes the one without traffic, and gets all of it once it is
ready. Going back to an image that still runs only moves the traffic.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..common.errors import ProjectError
from .bearer import bearer
from .tools import run_tool, settings

COLOURS = ("blue", "green")
NAME = re.compile("[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")


class AzureML:
    """An endpoint for each environment in the workspace that deploy/azureml/workspace.yaml names."""

    platform: str | None = None  # Azure ML runs linux/amd64
    awaited = True  # an endpoint forwards no health check

    def __init__(self, environment: str, manifests: Path) -> None:
        """Read the files of deploy/azureml; raises ProjectError."""
        self._folder = manifests / "azureml"
        place = settings(self._folder / "workspace.yaml", "resource_group", "workspace")
        self._place = ["--resource-group", place["resource_group"], "--workspace-name", place["workspace"]]
        file = self._folder / "endpoint.yaml"
        name = settings(file, "name")["name"]
        self.name = name if environment == "production" else f"{name}-{environment}"
        if not NAME.fullmatch(self.name):
            raise ProjectError(f"{file}: {self.name!r} is no name of an endpoint: 3 to 32 letters, digits and hyphens")

    def current(self) -> str | None:
        """Return the image of the deployment with most of the traffic, or None."""
        endpoint = self._endpoint()
        serving = _serving(endpoint) if endpoint else None
        return self._images().get(serving) if serving else None

    def apply(self, image: str) -> None:
        """Let a deployment of *image* answer all requests; the other one stays, without traffic."""
        if self._endpoint() is None:
            self._az("online-endpoint", "create", "--file", str(self._folder / "endpoint.yaml"), "--name", self.name)
        endpoint, images = self._endpoint(), self._images()
        serving = _serving(endpoint) if endpoint else None
        ready = [colour for colour, runs in images.items() if runs == image]
        colour = ready[0] if ready else next(colour for colour in COLOURS if colour != serving)
        if not ready:
            self._create(colour, image)
        shares = {name: 100 if name == colour else 0 for name in sorted({*images, colour})}
        traffic = " ".join(f"{name}={share}" for name, share in shares.items())
        self._az("online-endpoint", "update", "--name", self.name, "--traffic", traffic)

    @contextmanager
    def address(self) -> Iterator[str]:
        """Yield the URL of the endpoint, whose key the client sends."""
        endpoint = self._endpoint() or {}
        credentials = json.loads(self._az("online-endpoint", "get-credentials", "--name", self.name))
        with bearer(str(credentials.get("primaryKey") or credentials.get("accessToken") or "")):
            yield str(endpoint["scoring_uri"]).removesuffix("/predict")

    def deployment(self, colour: str, image: str) -> dict[str, Any]:
        """Return deployment.yaml with its name, endpoint and image."""
        document = settings(self._folder / "deployment.yaml")
        environment = {**document.get("environment", {}), "image": image}
        names = {"name": colour, "endpoint_name": self.name}
        return {**document, **names, "environment": environment, "tags": {**document.get("tags", {}), "image": image}}

    def _create(self, colour: str, image: str) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "deployment.yaml"
            file.write_text(yaml.safe_dump(self.deployment(colour, image)), encoding="utf-8", newline="\n")
            self._az("online-deployment", "create", "--file", str(file))

    def _endpoint(self) -> dict[str, Any] | None:
        query = f"[?name=='{self.name}']"
        endpoints = json.loads(self._az("online-endpoint", "list", "--query", query))
        return dict(endpoints[0]) if endpoints else None

    def _images(self) -> dict[str, str]:
        """Return the images of the deployments that have been provisioned, by colour."""
        deployments = json.loads(self._az("online-deployment", "list", "--endpoint-name", self.name))
        ready = [d for d in deployments if d.get("provisioning_state") == "Succeeded"]
        return {d["name"]: (d.get("tags") or {}).get("image", "") for d in ready}

    def _az(self, noun: str, verb: str, *arguments: str) -> str:
        return run_tool(["az", "ml", noun, verb, *arguments, *self._place, "--output", "json"])


def _serving(endpoint: dict[str, Any]) -> str | None:
    traffic = endpoint.get("traffic") or {}
    return max(traffic, key=lambda colour: traffic[colour]) if any(traffic.values()) else None
