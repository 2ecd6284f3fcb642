"""Builds, runs, tags and pushes images with Docker or Podman."""

import json
import os
import re
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
    """A program with Docker's command-line interface."""

    program: str

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

    def build(self, context: Path, name: str, base: str, labels: dict[str, str], created: int) -> None:
        """Build the image *name* from *context* on *base*; all its timestamps are *created*."""
        label_options = [f"--label={key}={value}" for key, value in sorted(labels.items())]
        dates = [f"--timestamp={created}"] if self.is_podman else [f"--build-arg=SOURCE_DATE_EPOCH={created}"]
        file = context / "Containerfile"
        options = [f"--file={file}", f"--build-arg=BASE={base}", f"--tag={name}", *dates, *label_options, str(context)]
        self("build", *options, SOURCE_DATE_EPOCH=str(created))

    def inspect(self, name: str) -> dict[str, Any]:
        """Return the engine's description of an image."""
        details: dict[str, Any] = json.loads(self("image", "inspect", name))[0]
        return details

    @contextmanager
    def running(self, image: str) -> Iterator[str]:
        """Start a hardened container, yield its URL, and remove it; errors include its log."""
        container = self("run", "--detach", *HARDENING_OPTIONS, f"--publish=127.0.0.1::{PORT}", image)
        try:
            yield "http://" + self("port", container, f"{PORT}/tcp").splitlines()[0]
        except ProjectError as error:
            log = subprocess.run([self.program, "logs", container], capture_output=True, encoding="utf-8")
            raise ProjectError(f"{image}: {error}\nits log:\n{(log.stdout + log.stderr)[-5000:]}") from error
        finally:
            self("rm", "--force", container)

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
