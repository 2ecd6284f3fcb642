"""Writes settings into the section `model` of params.yaml; every other byte and the comments stay."""

from io import StringIO
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from ..common.errors import ProjectError

SECTION = "model"


class _Representer(RoundTripRepresenter):
    """Writes small numbers as PyYAML reads them: 1.0e-05, since 1e-05 is a string for it."""


def _number(representer: _Representer, value: float) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:float", yaml.safe_dump(value).splitlines()[0])


def _null(representer: _Representer, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(float, _number)
_Representer.add_representer(type(None), _null)


def with_settings(text: str, settings: dict[str, Any]) -> str:
    """Return the text of params.yaml with *settings* as section `model`; raises ProjectError if it has none."""
    lines = text.splitlines(keepends=True)
    first, end = _section(text)
    while end > first + 1 and not (lines[end - 1].strip() and lines[end - 1].startswith((" ", "\t"))):
        end -= 1  # what follows the last setting belongs to the next section
    editor = YAML()
    editor.Representer = _Representer
    editor.preserve_quotes = True
    editor.width = 200
    document = editor.load("".join(lines[first:end]))
    section = document[SECTION]
    for name in [name for name in section if name not in settings]:
        del section[name]
    for name, value in settings.items():
        if name not in section or section[name] != value or type(section[name]) is not type(value):
            section[name] = value
    written = StringIO()
    editor.dump(document, written)
    result = "".join([*lines[:first], written.getvalue(), *lines[end:]])
    if yaml.safe_load(result) != yaml.safe_load(text) | {SECTION: settings}:
        raise ProjectError(f"params.yaml: the section model cannot be edited; write it yourself: {settings}")
    return result


def _section(text: str) -> tuple[int, int]:
    """Return the lines of the section, the first and the one after the last."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    starts = [key.start_mark.line for key, _ in entries] + [len(text.splitlines())]
    for number, (key, value) in enumerate(entries):
        if key.value == SECTION and not value.flow_style:
            return starts[number], starts[number + 1]
    raise ProjectError("params.yaml: the section model is not written as one setting per line: edit it first")
