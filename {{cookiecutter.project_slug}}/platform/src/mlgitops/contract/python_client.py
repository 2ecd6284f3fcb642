"""Writes a typed Python client of the service: a package of its own, for callers, that needs no other one.

Its module is PACKAGE.client, so that `from PACKAGE.client import predict` works where the project is not installed.
"""

from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..common import files, project
from .column import NUMERIC, TEMPORAL, Column
from .contract import Contract
from .version import version

TEMPLATES = Path(__file__).parent
TYPES = {"number": "float", "integer": "int", "boolean": "bool", "datetime": "str | datetime", "date": "str | date"}
PREDICTIONS = {"boolean": "bool", "number": "float"}


def module(contract: Contract, package: str) -> str:
    """Return the source of the client's module."""
    fields = {name: _field(column) for name, column in contract.inputs.items()}
    fields |= {name: f"NotRequired[{_type(column)} | None]" for name, column in contract.request_keys.items()}
    columns = contract.inputs | contract.request_keys
    return _rendered(
        "python_client.py.j2",
        package=package,
        target=contract.target,
        contract=version(contract),
        fields=[(name, kind, _comment(columns[name])) for name, kind in fields.items()],
        answer=_answer(contract),
        scale=_scale(contract),
    )


def metadata(contract: Contract, package: str) -> str:
    """Return the client's pyproject.toml."""
    return _rendered("python_client.toml.j2", package=package, target=contract.target, contract=version(contract))


def _rendered(template: str, **values: Any) -> str:
    environment = Environment(  # noqa: S701  # Python and TOML, in which `tojson` escapes each value
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["literal"] = _literal
    return environment.get_template(template).render(values)


def _literal(text: str) -> str:
    """Return *text* as a string of Python and TOML alike, in one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escaped(c) for c in escaped) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _field(column: Column) -> str:
    return f"NotRequired[{_type(column)} | None]" if column.missing else _type(column)


def _type(column: Column) -> str:
    if column.categories and not column.spelled:
        return f"Literal[{', '.join(map(_literal, column.categories))}]"
    kind = TYPES.get(column.type, "str")
    return f"{kind} | str" if column.spelled and column.type in NUMERIC else kind


def _comment(column: Column) -> str:
    bounds = [f"{word} {bound}" for word, bound in (("from", column.min), ("to", column.max)) if bound is not None]
    zone = f"in {column.time_zone}, or with a zone" if column.time_zone and column.type in TEMPORAL else ""
    return " ".join("; ".join(filter(None, [column.description, zone, " ".join(bounds)])).split())


def _answer(contract: Contract) -> list[tuple[str, str]]:
    labels = f"Literal[{', '.join(map(_literal, contract.classes))}]"
    prediction = ("prediction", PREDICTIONS.get(contract.prediction, labels))
    ends = [(name, "float") for name in contract.ends]
    shares = {0: ends, 2: [("probability", "float")]}.get(
        len(contract.classes), [("probabilities", "dict[str, float]")]
    )
    return [prediction, *shares]


def _scale(contract: Contract) -> str:
    if not contract.classes:
        return "the prediction"
    return "`probability`" if len(contract.classes) == 2 else "the probability of the prediction"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="build/client")
def main(folder: Path) -> None:
    """Write a typed Python client of the service to FOLDER, by default build/client: a package for callers."""
    contract, package = Contract.of_project(), project.name()
    with files.replacing(folder) as new:
        source = new / "src" / package / "client"
        source.mkdir(parents=True)
        files.write(source / "__init__.py", module(contract, package))
        files.write(source / "py.typed", "")
        files.write(new / "pyproject.toml", metadata(contract, package))
    click.echo(
        f"{folder}: client for contract {version(contract)}: `uv build {folder}`, or `uv add {folder}` elsewhere"
    )
