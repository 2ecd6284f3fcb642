"""What was noticed while a table was read, the names of its columns, and what every reader needs."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType

from ..common.errors import ProjectError
from ..common.record import Record

Detail = str | int


@dataclass
class Reading:
    """Collects what a reader notices; complete once all parts of the table were read."""

    format: str = ""
    details: dict[str, Detail] = field(default_factory=dict)  # decisions such as the encoding, and versions
    remarks: list[str] = field(default_factory=list)  # for the user to check, with the setting that overrules a guess


@dataclass(frozen=True)
class IngestReport(Record):
    """reports/ingest.json: what the stage ingest read. The same data gives the same report, so it holds no time."""

    source: str
    format: str
    rows: int
    columns: int
    details: dict[str, Detail]
    remarks: tuple[str, ...]

    def describe(self) -> str:
        """Return one line with what was read: the numbers of rows and columns, and how the format was read."""
        details = ", ".join(f"{name} {_shown(value)}" for name, value in self.details.items())
        how = f"{self.format}: {details}" if details else self.format
        return f"{self.source}: {self.rows:,} rows, {self.columns} columns ({how})"


def _shown(value: Detail) -> str:
    return repr(value) if (isinstance(value, str) and not value.isprintable()) or value == " " else str(value)


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional module; raises ProjectError with the command that adds the *extra* of the platform."""
    with adding(f"mlgitops[{extra}]", purpose):
        return importlib.import_module(module)


@contextmanager
def adding(package: str, purpose: str) -> Iterator[None]:
    """Convert an ImportError to a ProjectError with the command that adds *package*."""
    try:
        yield
    except ImportError as error:
        raise ProjectError(
            f'{purpose} needs a package that is not installed: uv add --group pipeline "{package}" '
            f"(no module {error.name or error})"
        ) from error


def unique(header: list[str]) -> list[str]:
    """Return the names of the columns, with empty and repeated ones made unique."""
    names: list[str] = []
    for position, name in enumerate(header, 1):
        label = plain(name) or f"column {position}"
        names.append(label if label not in names else f"{label}.{position}")
    return names


def plain(name: str) -> str:
    """Return the name of a column without outer spaces, and with single spaces inside."""
    return " ".join(name.split())
