"""Docker or Podman, whichever is there: builds, runs, tags and pushes images."""

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

PORT = 3000  # where the service listens inside of its container
# What the service does without: to write anywhere but in /tmp, capabilities, and ways to gain them.
LOCKED = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


@dataclass(frozen=True)
class Engine:
    """A program that speaks Docker's command line."""

    program: str

    @classmethod
    def find(cls) -> Self:
        """Return the engine in IMAGE_ENGINE, else the first that works here; raises ProjectError."""
        chosen = os.environ.get("IMAGE_ENGINE")
        for program in [chosen] if chosen else ["docker", "podman"]:
            command = [program, "info"]
            if shutil.which(program) and subprocess.run(command, capture_output=True).returncode == 0:
                return cls(program)
        wanted = f"IMAGE_ENGINE is {chosen}, which" if chosen else "neither docker nor podman"
        raise ProjectError(f"{wanted} is installed and running here: an image takes one of them")

    @property
    def is_podman(self) -> bool:
        """Say whether this is Podman, which has switches of its own."""
        return "podman" in Path(self.program).name

    def __call__(self, *words: str, **environment: str) -> str:
        """Return what the engine prints; raises ProjectError with all that it says where it fails."""
        return run(self.program, *words, environment=environment).strip()

    def build(self, context: Path, name: str, base: str, labels: dict[str, str], created: int) -> None:
        """Build the image *name* from *context*, on *base*; everything in it is as old as *created*."""
        said = [f"--label={key}={value}" for key, value in sorted(labels.items())]
        time = [f"--timestamp={created}"] if self.is_podman else [f"--build-arg=SOURCE_DATE_EPOCH={created}"]
        file = context / "Containerfile"
        words = [f"--file={file}", f"--build-arg=BASE={base}", f"--tag={name}", *time, *said, str(context)]
        self("build", *words, SOURCE_DATE_EPOCH=str(created))

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of an image."""
        found: dict[str, Any] = json.loads(self("image", "inspect", name))[0]
        return found

    @contextmanager
    def running(self, image: str) -> Iterator[str]:
        """Start a container as it should be run everywhere, give its address, and remove it; errors carry its log."""
        container = self("run", "--detach", *LOCKED, f"--publish=127.0.0.1::{PORT}", image)
        try:
            yield "http://" + self("port", container, f"{PORT}/tcp").splitlines()[0]
        except ProjectError as error:
            log = subprocess.run([self.program, "logs", container], capture_output=True, encoding="utf-8")
            raise ProjectError(f"{image}: {error}\nits log:\n{(log.stdout + log.stderr)[-5000:]}") from error
        finally:
            self("rm", "--force", container)

    def push(self, name: str) -> str:
        """Push an image and return its digest in the registry."""
        if self.is_podman:
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / "digest"
                self("push", "--quiet", f"--digestfile={file}", name)
                return file.read_text(encoding="utf-8").strip()
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", self("push", name))
        if not found:
            raise ProjectError(f"{self.program} push does not say the digest of {name}: use podman (IMAGE_ENGINE)")
        return found[1]
