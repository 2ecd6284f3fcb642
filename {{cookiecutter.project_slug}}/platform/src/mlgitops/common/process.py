"""Runs other programs, and tells what they said where they fail."""

import os
import subprocess
from pathlib import Path

from .errors import ProjectError


def run(
    *command: str, given: str | None = None, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    """Return what a program prints when it is *given* that; raises ProjectError with the end of what it said."""
    env = os.environ | (environment or {})
    done = subprocess.run(command, input=given, cwd=cwd, env=env, capture_output=True, encoding="utf-8")
    if done.returncode:
        said = (done.stdout + done.stderr)[-5000:].strip()
        raise ProjectError(f"{' '.join(command[:4])} failed with exit code {done.returncode}:\n{said}")
    return done.stdout
