"""Explains an exception that nothing has handled: a fault of the machine, or a bug, whose traceback goes to a log."""

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from .errors import ProjectError
from .project import root

LOGS = Path("build/errors")
SHOW = "MLGITOPS_TRACEBACK"  # the environment variable that shows the traceback
DISK_FULL = "the disk is full: free some space, and run it again; files that existed before are unchanged"
FILES_OPEN = "too many files are open: raise the limit (`ulimit -n`), and run it again"
NO_MEMORY = "the memory of this machine is not enough: free some, or use a larger machine"
ERRNO = {
    errno.EDQUOT: DISK_FULL,
    errno.EMFILE: FILES_OPEN,
    errno.ENFILE: FILES_OPEN,
    errno.ENOMEM: NO_MEMORY,
    errno.ENOSPC: DISK_FULL,
}
TEXTS = {  # in the messages of libraries that wrap the error of the system
    "No space left on device": DISK_FULL,
    "database or disk is full": DISK_FULL,
    "Disk quota exceeded": DISK_FULL,
    "API request to": "the tracking server stopped answering: run it again once it does; nothing is registered twice",
    "database is locked": "another process is writing to the database: wait for it, and run it again",
}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def explained(error: Exception) -> ProjectError:
    """Return the error to show instead of *error*: one sentence, with what to do."""
    shown = bool(os.environ.get(SHOW) or os.environ.get("CI"))  # nobody can look at the files of a CI machine
    if shown:
        traceback.print_exception(error)
    if sentence := fault(error):
        return ProjectError(sentence)
    summary = " ".join(traceback.format_exception_only(error)[-1].split())[:500]
    log = None if shown else _log(error)
    place = f"in {log}" if log else "above" if shown else f"shown if you set {SHOW}=1"
    return ProjectError(
        f"internal error: {summary}: its traceback is {place}; platform/README.md says how to report it"
    )


def fault(error: BaseException) -> str | None:
    """Return what is wrong with the machine, in one sentence; None if *error* has another cause."""
    return next(filter(None, map(_fault, _chain(error))), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _fault(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in REFUSED and error.filename:
        return f"{error.filename}: {error.strerror}: correct its owner or permissions, and run it again"
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != __name__.split(".")[0]:
        return (
            f"the package {error.name} is not installed: run `make setup`, or `uv add` it if uv.lock does not have it"
        )
    if isinstance(error, OSError) and error.errno in ERRNO:
        return ERRNO[error.errno]
    return next((sentence for text, sentence in TEXTS.items() if text in str(error)), None)


def _log(error: Exception) -> Path | None:
    """Write the traceback to a file of the project, or else of the temporary folder; return its path if it worked."""
    about = f"{datetime.now(UTC).isoformat()} {platform.platform()} Python {platform.python_version()} {sys.argv[1:2]}"
    text = f"{about}\n\n{''.join(traceback.format_exception(error))}"
    for folder in (root() / LOGS, None):
        with suppress(OSError):
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(".log", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-", folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            return Path(name).relative_to(root()) if folder else Path(name)
    return None
