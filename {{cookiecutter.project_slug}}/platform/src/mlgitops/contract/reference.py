"""The reference of contract.yaml and params.yaml, generated from their models: Markdown pages and JSON schemas."""

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
TYPES = {"string", "integer", "number", "boolean", "null"}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
DEFAULTS = {"False": "false", "True": "true", "None": "none", "": "none", "[]": "none"}
TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$"
PAGE = """# {name}.yaml

{description} A mistake in it is reported with its line and key before any stage runs.
The command `reference` generates this page from the code; a commit hook runs it.
"""


class _Written(GenerateJsonSchema):
    """JSON schema of hand-written YAML, where a time needs neither T nor time zone."""

    def datetime_schema(self, schema: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": TIME}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # the key serves as the title


def schema(model: type[Document]) -> dict[str, Any]:
    """Return the JSON schema with which editors complete and check the file of *model*."""
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
        each = value.get("additionalProperties")
        each = each if isinstance(each, dict) else {}  # additionalProperties: true allows any value
        choice: dict[str, Any] = next(
            (choice for choice in value.get("anyOf", ()) if "$ref" in choice), {}
        )  # itself, or a list
        name = (value.get("$ref") or each.get("$ref") or choice.get("$ref", "")).rpartition("/")[2]
        default = "required" if key in section.get("required", ()) else _default(value["default"])
        kind, meaning = _kind(value), value.get("description", "")
        if name:
            inner = (*path, key, "NAME") if each else (*path, key)
            below.append((inner, shared[name]))
            kind = f"section `{'.'.join(inner)}`{' or a list of them' if choice else ''}"
            meaning = meaning or shared[name]["description"]
        yield f"| `{key}` | {kind} | {default} | {meaning} |"
    for inner, content in below:
        yield from _section(inner, content, shared)


def _default(value: Any) -> Any:
    return "its defaults" if isinstance(value, dict) else DEFAULTS.get(str(value), value)


def _kind(value: dict[str, Any]) -> str:
    """Describe in words the values that the schema *value* allows."""
    if "anyOf" in value:
        kinds = dict.fromkeys(_kind(choice) for choice in value["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null" or "default" not in value)
    if "enum" in value or "const" in value:
        return ", ".join(f"`{json.dumps(word).strip(chr(34))}`" for word in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        if "prefixItems" in value:
            return f"list of {len(value['prefixItems'])} {_kind(value['prefixItems'][0])}s"
        return f"list of: {_kind(value['items'])}"
    if value.get("type") == "object":
        each = value["additionalProperties"]
        return f"mapping of names to {_kind(each) if isinstance(each, dict) else 'values of any type'}"
    if value.get("pattern") == TIME:
        return "date or time"
    limits = [words.format(value[limit]) for limit, words in LIMITS.items() if limit in value]
    kind = value["type"] if value.get("type") in TYPES else "section"
    return f"{kind} ({' and '.join(limits)})" if limits else kind


def reference() -> dict[str, str]:
    """Return the files of the reference: their names and contents."""
    pages = {}
    for name, model in DOCUMENTS.items():
        whole = schema(model)
        pages[f"{name}.md"] = page(name, whole)
        pages[f"{name}.schema.json"] = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    return pages


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="docs")
def main(folder: Path) -> None:
    """Write the reference to FOLDER, after checking that contract.yaml and params.yaml are valid."""
    for name, model in DOCUMENTS.items():
        model.load(Path(f"{name}.yaml"))
    for name, content in reference().items():
        files.write(folder / name, content)
    click.echo(f"contract.yaml and params.yaml are valid; their reference is in {folder}/")
