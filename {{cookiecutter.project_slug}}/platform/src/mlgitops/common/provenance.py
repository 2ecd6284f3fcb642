"""The provenance of a record: the CI run and the installed packages."""

import importlib.metadata
import os


def workflow() -> str | None:
    """Return the URL of the current CI run, or None outside of CI."""
    parts = [os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None


def environment() -> list[str]:
    """Return every installed package as name==version."""
    names = {f"{package.name}=={package.version}" for package in importlib.metadata.distributions()}
    return sorted(names, key=str.lower)


def requirements(*names: str) -> list[str]:
    """Return the installed versions of the packages *names* as name==version."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]
