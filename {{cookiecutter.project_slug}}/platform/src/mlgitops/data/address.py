"""Fetches a table from an address (HTTP, S3, Google Cloud Storage, Azure, ...) with DVC, which knows the protocols."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from ..common.errors import ProjectError

LOGIN = re.compile(r"(?<=://)[^/?#\s@]*@")  # a user, and maybe the password
MISSING = re.compile(r"^(?:ERROR: unexpected error - )?(\w+) is supported, but requires '([\w-]+)' to be installed")


def is_address(source: str) -> bool:
    """Return whether *source* is an address, and not a path."""
    return bool(re.match(r"[a-zA-Z][\w+.-]+://", source))


def shown(source: str) -> str:
    """Return *source* without the login that an address may have."""
    return LOGIN.sub("***@", source)


@contextmanager
def hidden_login(source: str) -> Iterator[None]:
    """Let no ProjectError show the login in the address *source*."""
    try:
        yield
    except ProjectError as error:
        raise ProjectError(error.message.replace(source, shown(source))) from None


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """Yield a temporary copy of the file or folder at *address*."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield download(address, Path(folder))


def download(address: str, folder: Path) -> Path:
    """Copy the file or folder at *address* into *folder*; return its path there."""
    copy = folder / (re.split(r"[?#]", address)[0].rstrip("/").rsplit("/", 1)[-1] or "table")
    dvc("get-url", address, str(copy))
    return copy


def dvc(*words: str) -> None:
    """Run DVC; raises ProjectError with its message, and with the package that it needs."""
    result = run([sys.executable, "-m", "dvc", *words], capture_output=True, encoding="utf-8")
    if result.returncode:
        error = result.stderr.strip()
        if missing := MISSING.search(error):
            raise ProjectError(f'{missing[1]} needs a package: uv add --group pipeline "{missing[2]}"')
        raise ProjectError(f"dvc {words[0]} failed: {error.removeprefix('ERROR: ')}")
