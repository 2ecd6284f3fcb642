"""The reference of contract.yaml and params.yaml, from their models: pages for people, JSON schemas for editors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic.json_schema import GenerateJsonSchema

from ..common import files
from ..common.document import Document
from .contract import Contract
from .params import Params

DOCUMENTS: dict[str, type[Document]] = {"contract": Contract, "params": Params}
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
LIMITS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "exclusiveMaximum": "below {}"}
DEFAULTS = {"False": "false", "None": "none", "": "none", "[]": "none"}
TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$"
PAGE = """# {name}.yaml

{description} A mistake in it is reported with its line and key before anything runs.
This page is made from the code by the command `reference`; the commit hooks run it.
"""


class _Written(GenerateJsonSchema):
    """JSON schema of what people write in YAML, where a time needs neither T nor time zone."""

    def datetime_schema(self, schema: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": TIME}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # the key is title enough


def schema(model: type[Document]) -> dict[str, Any]:
    """Return the JSON schema by which an editor completes and checks the file of *model*."""
    return {"$schema": _Written.schema_dialect, **model.model_json_schema(schema_generator=_Written)}


def page(name: str, whole: dict[str, Any]) -> str:
    """Return the reference of *name*.yaml in Markdown, a table per section of the schema *whole*."""
    tables = "\n".join(_section((), whole, whole["$defs"]))
    return f"{PAGE.format(name=name, description=whole['description'])}\n{tables}\n"


def _section(path: tuple[str, ...], section: dict[str, Any], shared: dict[str, Any]) -> Iterator[str]:
    if path:
        yield f"\n## {'.'.join(path)}\n\n{section['description']}\n"
    yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
    below = []
    for key, value in section["properties"].items():
        each = value.get("additionalProperties", {})
        name = (value.get("$ref") or each.get("$ref", "")).rpartition("/")[2]
        default = "required" if key in section["required"] else DEFAULTS.get(str(value["default"]), value["default"])
        kind, meaning = _kind(value), value.get("description", "")
        if name:
            inner = (*path, key, "NAME") if each else (*path, key)
            below.append((inner, shared[name]))
            kind, meaning = f"section `{'.'.join(inner)}`", meaning or shared[name]["description"]
        yield f"| `{key}` | {kind} | {default} | {meaning} |"
    for inner, content in below:
        yield from _section(inner, content, shared)


def _kind(value: dict[str, Any]) -> str:
    """Say in words what *value* may be."""
    if "anyOf" in value:
        words = dict.fromkeys(_kind(one) for one in value["anyOf"])
        return " or ".join(word for word in words if word != "null" or "default" not in value)
    if "enum" in value or "const" in value:
        return ", ".join(f"`{json.dumps(word).strip(chr(34))}`" for word in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        each = value.get("items") or value["prefixItems"][0]
        return (
            f"list of {len(value['prefixItems'])}: {_kind(each)}" if "prefixItems" in value else f"list: {_kind(each)}"
        )
    if value.get("type") == "object":
        return f"names, each with {_kind(value['additionalProperties'])}"
    if value.get("pattern") == TIME:
        return "date or time"
    limits = [words.format(value[limit]) for limit, words in LIMITS.items() if limit in value]
    return " ".join([WORDS.get(value.get("type", ""), "section"), *limits])


def reference() -> dict[str, str]:
    """Return the name and content of each file of the reference."""
    found = {}
    for name, model in DOCUMENTS.items():
        whole = schema(model)
        found[f"{name}.md"] = page(name, whole)
        found[f"{name}.schema.json"] = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    return found


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="docs")
def main(folder: Path) -> None:
    """Write the reference to FOLDER, once contract.yaml and params.yaml are read and found right."""
    for name, model in DOCUMENTS.items():
        model.load(Path(f"{name}.yaml"))
    for name, content in reference().items():
        files.write(folder / name, content)
    click.echo(f"contract.yaml and params.yaml are right; {folder}/ says what can be written in them")
