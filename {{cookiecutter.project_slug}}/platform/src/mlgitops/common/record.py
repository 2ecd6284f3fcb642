"""Records: frozen dataclasses that are saved as JSON and validated when loaded."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from . import files
from .errors import ProjectError


@dataclass(frozen=True)
class Record:
    """Base class of records; equal values give identical bytes."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def save(self, path: Path) -> None:
        """Write the record as JSON."""
        files.write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record; raises ProjectError with the file and every missing, unknown or invalid field."""
        return cls.parse(path.read_text(encoding="utf-8"), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Read a record from JSON; error messages refer to it as *name*."""
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            lines = [f"{name}: {'.'.join(map(str, e['loc'])) or 'the document'}: {e['msg']}" for e in error.errors()]
            raise ProjectError("\n".join([*lines[:5], "run `dvc repro` to write it again"])) from error
