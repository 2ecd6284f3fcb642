"""The deploy target cloudrun: a service of Google Cloud Run, accessed with gcloud."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..common.errors import ProjectError
from .bearer import bearer
from .tools import run_tool, settings


class CloudRun:
    """A service for each environment in the project that deploy/cloudrun/location.yaml names."""

    platform: str | None = None  # Cloud Run runs linux/amd64
    awaited = False

    def __init__(self, environment: str, manifests: Path) -> None:
        """Read the files of deploy/cloudrun; raises ProjectError."""
        self._file = manifests / "cloudrun/service.yaml"
        place = settings(manifests / "cloudrun/location.yaml", "project", "region")
        self._place = ["--project", place["project"], "--region", place["region"]]
        try:
            name = str(settings(self._file)["metadata"]["name"])
        except (KeyError, TypeError, ValueError):
            raise ProjectError(f"{self._file}: metadata.name is missing: DEPLOY_TARGET needs it") from None
        self.name = name if environment == "production" else f"{name}-{environment}"

    def current(self) -> str | None:
        """Return the image of the service, or None."""
        services = self._list()
        return str(services[0]["spec"]["template"]["spec"]["containers"][0]["image"]) if services else None

    def apply(self, image: str) -> None:
        """Replace the service with one of *image*, and wait until its revision has all traffic."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "service.yaml"
            file.write_text(yaml.safe_dump(self.service(image)), encoding="utf-8", newline="\n")
            self._gcloud("services", "replace", str(file))

    @contextmanager
    def address(self) -> Iterator[str]:
        """Yield the URL of the service, to which the client sends an identity token."""
        services = self._list()
        with bearer(run_tool(["gcloud", "auth", "print-identity-token"])):
            yield str(services[0]["status"]["url"])

    def service(self, image: str) -> dict[str, Any]:
        """Return service.yaml with its name and image."""
        document = settings(self._file)
        document["metadata"] = {**document["metadata"], "name": self.name}
        document["spec"]["template"]["spec"]["containers"][0]["image"] = image
        return document

    def _list(self) -> list[dict[str, Any]]:
        services = json.loads(self._gcloud("services", "list", "--filter", f"metadata.name={self.name}"))
        return [service for service in services if service["metadata"]["name"] == self.name]

    def _gcloud(self, *arguments: str) -> str:
        return run_tool(["gcloud", "run", *arguments, *self._place, "--format", "json", "--quiet"])
