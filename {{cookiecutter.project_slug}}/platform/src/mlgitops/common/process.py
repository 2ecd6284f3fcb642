"""Runs other programs and reports their output if they fail."""

import os
import subprocess
from pathlib import Path

from .errors import ProjectError


def run(
    *command: str, stdin: str | None = None, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    """Return a program's standard output; raises ProjectError, with the end of its output, if it fails."""
    env = os.environ | (environment or {})
    try:
        result = subprocess.run(command, input=stdin, cwd=cwd, env=env, capture_output=True, encoding="utf-8")
    except FileNotFoundError as error:
        raise ProjectError(f"{command[0]} is not installed, or not on PATH") from error
    if result.returncode:
        output = (result.stdout + result.stderr)[-5000:].strip()
        raise ProjectError(f"{' '.join(command[:4])} failed with exit code {result.returncode}:\n{output}")
    return result.stdout
