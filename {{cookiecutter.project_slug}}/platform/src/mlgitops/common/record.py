"""Records: frozen dataclasses that are kept as JSON, and read back strictly."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from . import files
from .errors import ProjectError


@dataclass(frozen=True)
class Record:
    """The base of records: the same values always give the same bytes."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def save(self, path: Path) -> None:
        """Write the record as JSON."""
        files.write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record; raises ProjectError that names the file and every field that is missing, unknown or wrong."""
        return cls.parse(path.read_text(encoding="utf-8"), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Read a record from JSON; *name* is what errors call it."""
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            lines = [f"{name}: {'.'.join(map(str, e['loc'])) or 'the document'}: {e['msg']}" for e in error.errors()]
            raise ProjectError("\n".join([*lines[:5], "write it again with `dvc repro`"])) from error
