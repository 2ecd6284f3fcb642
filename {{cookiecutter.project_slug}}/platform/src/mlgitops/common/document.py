"""Reads the project's YAML files into typed, frozen models; every error names the file, the line and the key."""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import ProjectError


class Section(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(Section):
    """A section that is the root of a YAML file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read *path*; raises ProjectError with file, line and key of every invalid entry."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectError(f"{path}: cannot be read: {error}") from error

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Read *text*; error messages refer to it as *name*."""
        try:
            tree = yaml.compose(text, Loader=yaml.SafeLoader)
            lines = dict(_lines(tree)) if tree else {}
            return cls.model_validate(yaml.safe_load(text))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise ProjectError(f"{name}:{mark.line + 1 if mark else 1}: {error.problem}") from error
        except ValidationError as error:
            raise ProjectError("\n".join(_explain(name, lines, e) for e in error.errors())) from error


def _lines(node: yaml.Node, path: tuple[str, ...] = ()) -> Any:
    """Yield (path of keys, line) for each entry below *node*; raises yaml.MarkedYAMLError for a duplicate key."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value}: duplicate key", problem_mark=key.start_mark)
            seen.add(key.value)
            yield from _lines(value, (*path, key.value))
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield from _lines(value, (*path, str(position)))


def line(path: Path, *keys: str) -> int:
    """Return the line of a YAML file on which the entry at *keys* starts, or else its nearest parent."""
    tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    lines: dict[tuple[str, ...], int] = dict(_lines(tree)) if tree else {}
    return next((lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in lines), 1)


def _explain(name: str, lines: dict[tuple[str, ...], int], error: Any) -> str:
    path = tuple(map(str, error["loc"]))
    parent = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in lines), ())
    message = str(error["msg"]).removeprefix("Value error, ")
    named = tuple(message.partition(": ")[0].split("."))  # a check of the whole file names the setting first
    place = named if not path and named in lines else parent
    if error["type"] == "extra_forbidden":
        message = "no such setting: check the spelling"
    key = ".".join(parent if error["type"] != "missing" else path)
    return f"{name}:{lines.get(place, 1)}: {key + ': ' if key else ''}{message}"
