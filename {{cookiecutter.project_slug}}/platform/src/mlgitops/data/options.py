"""Command-line options that overrule how a table is read: the settings of `ingest` in params.yaml."""

from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError

from ..common.errors import ProjectError
from ..contract.params import Ingest

NAMES = ("encoding", "separator", "header", "quoting", "table")


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting of `ingest` that says how to read a table."""
    for name in reversed(NAMES):
        help_text = str(Ingest.model_fields[name].description).replace("`", "")
        command = click.option(f"--{name}", help=help_text)(command)
    return command


def settings(source: str, options: dict[str, Any], default: Ingest | None = None) -> Ingest:
    """Return the settings with which *source* is read: *options* (which loses them), else *default*.

    Raises ProjectError naming an option with an invalid value.
    """
    chosen = {name: value for name in NAMES if (value := options.pop(name, None)) is not None}
    try:
        return Ingest.model_validate((default.model_dump() if default else {}) | chosen | {"source": source})
    except ValidationError as error:
        first = error.errors()[0]
        name, message = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        raise ProjectError(f"{name.upper()}={chosen.get(name)}: {message}") from error
