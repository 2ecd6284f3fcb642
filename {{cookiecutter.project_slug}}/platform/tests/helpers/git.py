"""Git, for the tests of what is pushed."""

import subprocess
from pathlib import Path


def git(*words: str, cwd: Path) -> str:
    """Return what git prints in *cwd*."""
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, encoding="utf-8").stdout.strip()
