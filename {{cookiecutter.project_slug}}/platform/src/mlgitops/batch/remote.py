"""Files in a bucket, which scoring writes: each of them is there as a whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common.errors import ProjectError
from ..data.reading import adding

PROTOCOLS = {"s3": ("s3", "dvc-s3"), "gs": ("gs", "dvc-gs"), "azure": ("az", "dvc-azure")}  # of fsspec, and the package


class Remote:
    """A file or folder at an address such as s3://bucket/folder, whose login is that of the environment."""

    def __init__(self, address: str) -> None:
        """Connect to *address*; raises ProjectError if its protocol is unknown, or its package is not installed."""
        import fsspec

        scheme, _, self._path = address.rstrip("/").partition("://")
        if scheme not in PROTOCOLS:
            raise ProjectError(f"{address}: results are written to {', '.join(f'{name}://' for name in PROTOCOLS)}")
        protocol, package = PROTOCOLS[scheme]
        self.address = address
        with self._errors(), adding(package, f"{scheme}://"):
            self._files = fsspec.filesystem(protocol, skip_instance_cache=True)

    def put(self, file: Path, name: str = "") -> None:
        """Write a local file, below this address if it has a *name*."""
        with self._errors():
            self._files.put_file(str(file), f"{self._path}/{name}" if name else self._path)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file below this address; None if there is none."""
        with self._errors():
            path = f"{self._path}/{name}"
            return bytes(self._files.cat_file(path)) if self._files.exists(path) else None

    def clear(self) -> None:
        """Remove all files below this address."""
        with self._errors():
            if self._files.exists(self._path):
                self._files.rm(self._path, recursive=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ProjectError:
            raise
        except Exception as error:  # each cloud has its own
            reason = str(error).strip() or type(error).__name__
            raise ProjectError(f"{self.address}: {reason}: check the name of the bucket, and the login") from error
