"""Runs the programs that deploy targets need: kubectl, az, gcloud, docker."""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from ..common.errors import ProjectError
from ..common.process import run

DEFAULT_ROLLOUT_SECONDS = 180  # if DEPLOY_SECONDS is not set


def rollout_seconds() -> int:
    """Return the timeout of a rollout in seconds."""
    return int(os.environ.get("DEPLOY_SECONDS") or DEFAULT_ROLLOUT_SECONDS)


def run_tool(command: list[str], stdin: str | None = None, **environment: str) -> str:
    """Run a command of a target and return its output; raises ProjectError if it fails or is not installed."""
    if not shutil.which(command[0]):
        raise ProjectError(f"{command[0]} is not installed, but DEPLOY_TARGET needs it")
    return run(*command, stdin=stdin, environment=environment).strip()


def settings(path: Path, *names: str) -> dict[str, Any]:
    """Return the mapping in a YAML file; raises ProjectError unless it has non-empty strings below *names*."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ProjectError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    for name in names:
        if not isinstance(document, dict) or not isinstance(document.get(name), str) or not document[name]:
            raise ProjectError(f"{path}: {name} is missing: DEPLOY_TARGET needs it")
    return dict(document)
