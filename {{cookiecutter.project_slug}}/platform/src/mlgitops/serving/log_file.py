"""One file of the prediction log: appended by one worker, closed once, never lost when the process is killed.

The name ends in `.jsonl.open` while a worker holds the lock of the file, and in `.jsonl` afterwards.
"""

import os
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

OPEN, CLOSED = ".jsonl.open", ".jsonl"


class LogFile:
    """A new file; the system keeps what was written even if the process is killed, though not if the machine fails."""

    def __init__(self, folder: Path, header: bytes) -> None:
        """Create a file that starts with *header*; raises OSError."""
        name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + uuid.uuid4().hex[:12]
        self.path, self.size = folder / (name + OPEN), 0
        self._number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            _lock(self._number)
            self.append(header)
        except OSError:
            os.close(self._number)
            self.path.unlink(missing_ok=True)
            raise

    def append(self, line: bytes) -> None:
        """Write *line* with one call; raises OSError, and leaves no part of the line."""
        written = os.write(self._number, line)
        if written < len(line):
            os.ftruncate(self._number, self.size)
            raise OSError("no space left on the device")
        self.size += written

    def close(self) -> None:
        """Give the file its final name and release it."""
        rename(self.path)
        os.close(self._number)


def rename(path: Path) -> Path | None:
    """Give an open file its final name; return None if that cannot be done, because another process did it."""
    closed = path.with_name(path.name.removesuffix(OPEN) + CLOSED)
    try:
        path.rename(closed)
    except OSError:
        return None
    return closed


def close_abandoned(folder: Path) -> None:
    """Close the files whose worker was killed, which no process holds any more."""
    for path in sorted(folder.glob("*" + OPEN)):
        try:
            number = os.open(path, os.O_RDWR)
        except OSError:
            continue
        try:
            if os.fstat(number).st_size:  # an empty one is just being created
                _lock(number)
                rename(path)
        except OSError:  # its worker is alive
            pass
        finally:
            os.close(number)


def size(folder: Path) -> int:
    """Return the size of all files in *folder*, also of those that are removed at this moment."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                total += entry.stat().st_size
    return total


def _lock(number: int) -> None:
    """Lock an open file until it is closed; raises OSError if another process has locked it."""
    if sys.platform != "win32":  # Windows does not rename a file that a process has open
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
