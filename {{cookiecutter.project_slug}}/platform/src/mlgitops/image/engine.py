"""Builds, runs, tags and pushes images with Docker or Podman."""

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..common.errors import ProjectError
from ..common.process import run

PORT = 3000  # of the service, inside its container
# The service needs no capabilities and writes to /tmp only.
HARDENING_OPTIONS = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


@dataclass(frozen=True)
class Engine:
    """A program with Docker's command-line interface; *platform*, such as linux/arm64, is this machine's by default."""

    program: str
    platform: str = ""

    @classmethod
    def find(cls) -> Self:
        """Return the engine in IMAGE_ENGINE, or else the first one that runs on this machine; raises ProjectError."""
        chosen = os.environ.get("IMAGE_ENGINE")
        for program in [chosen] if chosen else ["docker", "podman"]:
            command = [program, "info"]
            if shutil.which(program) and subprocess.run(command, capture_output=True).returncode == 0:
                return cls(program)
        problem = f"IMAGE_ENGINE is {chosen}, which is not" if chosen else "neither docker nor podman is"
        raise ProjectError(f"{problem} installed and running on this machine: start one of them")

    @property
    def is_podman(self) -> bool:
        """Return whether this is Podman, whose options differ from Docker's."""
        return "podman" in Path(self.program).name

    def __call__(self, *arguments: str, **environment: str) -> str:
        """Run the engine and return its output; raises ProjectError with its error message if it fails."""
        return run(self.program, *arguments, environment=environment).strip()

    @property
    def selection(self) -> list[str]:
        """Return the options that select the platform of an image."""
        return [f"--platform={self.platform}"] if self.platform else []

    def build(self, context: Path, name: str, base: str, labels: dict[str, str], created: int) -> None:
        """Build the image *name* from *context* on *base*; all its timestamps are *created*."""
        label_options = [f"--label={key}={value}" for key, value in sorted(labels.items())]
        dates = [f"--timestamp={created}"] if self.is_podman else [f"--build-arg=SOURCE_DATE_EPOCH={created}"]
        file = context / "Containerfile"
        options = [f"--file={file}", f"--build-arg=BASE={base}", f"--tag={name}", *dates, *label_options]
        self("build", *self.selection, *options, str(context), SOURCE_DATE_EPOCH=str(created))

    def inspect(self, name: str) -> dict[str, Any]:
        """Return the engine's description of an image."""
        details: dict[str, Any] = json.loads(self("image", "inspect", name))[0]
        return details

    @contextmanager
    def running(self, image: str) -> Iterator[str]:
        """Start a hardened container, yield its URL, and remove it; errors include its log."""
        options = [*self.selection, *HARDENING_OPTIONS, f"--publish=127.0.0.1::{PORT}"]
        container = self("run", "--detach", *options, image)
        try:
            yield "http://" + self("port", container, f"{PORT}/tcp").splitlines()[0]
        except ProjectError as error:
            log = subprocess.run([self.program, "logs", container], capture_output=True, encoding="utf-8")
            raise ProjectError(f"{image}: {error}\nits log:\n{(log.stdout + log.stderr)[-5000:]}") from error
        finally:
            self("rm", "--force", container)

    def run(self, image: str, *command: str) -> str:
        """Run *command* in *image*, without a network, and return its output."""
        return self("run", *self.selection, "--rm", "--network=none", image, *command)

    def push_manifest(self, name: str, images: dict[str, str]) -> str:
        """Push *images*, by platform, as one image *name* for all of them, and return its digest."""
        if not self.is_podman:
            raise ProjectError("only Podman pushes an image for several platforms: IMAGE_ENGINE=podman")
        manifest = f"{name}-{secrets.token_hex(4)}"
        self("manifest", "create", manifest)
        try:
            for platform, image in images.items():
                system, architecture = platform.split("/")[:2]
                local = f"containers-storage:{image}"  # else it would be looked for in a registry
                self("manifest", "add", f"--os={system}", f"--arch={architecture}", manifest, local)
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / "digest"
                self("manifest", "push", "--all", "--quiet", f"--digestfile={file}", manifest, f"docker://{name}")
                return file.read_text(encoding="utf-8").strip()
        finally:
            self("manifest", "rm", manifest)

    def push(self, name: str) -> str:
        """Push an image and return its digest."""
        if self.is_podman:
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / "digest"
                self("push", "--quiet", f"--digestfile={file}", name)
                return file.read_text(encoding="utf-8").strip()
        match = re.search(r"digest: (sha256:[0-9a-f]{64})", self("push", name))
        if not match:
            raise ProjectError(f"{self.program} push printed no digest of {name}: use podman (IMAGE_ENGINE=podman)")
        return match[1]
