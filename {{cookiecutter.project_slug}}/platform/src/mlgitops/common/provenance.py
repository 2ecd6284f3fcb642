"""The provenance of a record: the CI run and the installed packages."""

import importlib.metadata
import os

DIRTY = "-dirty"  # the suffix of a commit whose files were changed
SHORT = 12  # characters of a digest on a page


def short(digest: str) -> str:
    """Return the first characters of a digest or commit; that files were changed is never cut off."""
    return digest[:SHORT] + (DIRTY if digest.endswith(DIRTY) and len(digest) > SHORT else "")


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
