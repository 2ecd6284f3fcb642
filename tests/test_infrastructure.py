"""The files of deploy/infrastructure keep the providers' schemas, and fit the workflows.

OpenTofu itself is in no package registry. HashiCorp's own parser is, and so are bindings that were generated from the
schemas of the providers; the files require the providers' versions of those.
"""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from helpers import node as nodejs
from helpers.support import GENERATED, bake, once, run

pytestmark = pytest.mark.nightly

BINDINGS = {"aws": "21.22.1", "azurerm": "14.23.1", "google": "16.12.1"}  # of cdktf-cdktf-provider-...
FOLDERS = {"aws": "aws", "azurerm": "azure", "google": "google"}
BASES = ("TerraformDataSource", "TerraformProvider", "TerraformResource")
EVERYWHERE = {"count", "depends_on", "for_each", "lifecycle", "provider"}
PARSE = """
import { parse } from "@cdktf/hcl2json";
import { readFileSync } from "node:fs";
console.log(JSON.stringify(await parse("main.tf", readFileSync(process.argv[2], "utf8"))));
"""
REFERENCE = re.compile(r"(?<![\w.\"'-])((?:data\.)?[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+)")
WRONG = {
    "a misspelt argument": ("client_id_list", "client_ids", "client_ids is unknown"),
    "an argument that is missing": ('  url            = "https://${local.issuer}"\n', "", "url is missing"),
    "a misspelt argument of a block": ('status = "Enabled"', 'stat = "Enabled"', "stat is unknown"),
    "a misspelt block": ("    principals {", "    principal {", "principal is unknown"),
    "a resource that is not there": ("aws_s3_bucket.store.arn", "aws_s3_bucket.stores.arn", r"aws_s3_bucket\.stores"),
    "an attribute that is not there": ("aws_s3_bucket.store.arn", "aws_s3_bucket.store.arm", r"store\.arm"),
    "a variable that is not there": ("var.bucket", "var.buckets", r"var\.buckets"),
    "a local that is not there": ("local.subjects", "local.subject", r"local\.subject"),
}


class Block(NamedTuple):
    """What a resource or a block in it takes: the class of each block, or None; and what it must have."""

    arguments: dict[str, str | None]
    required: set[str]


@cache
def classes(path: Path) -> dict[str, ast.ClassDef]:
    """Return the classes of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


class Kind:
    """A type of resource or of data, as the bindings describe it."""

    def __init__(self, bindings: Path, kind: str) -> None:
        """Read the module of *kind*, such as `aws_s3_bucket` or `data.aws_iam_policy_document`."""
        provider, name = kind.removeprefix("data.").split("_", 1)
        module = f"data_{provider}_{name}" if kind.startswith("data.") else name
        path = bindings / provider / f"cdktf_cdktf_provider_{provider}" / module / "__init__.py"
        assert path.is_file(), f"{kind} is unknown"
        self.classes = classes(path)
        self.root = next(n for n, c in self.classes.items() if c.bases and ast.unparse(c.bases[0]).endswith(BASES))
        self.attributes = {n.name for n in self.classes[self.root].body if isinstance(n, ast.FunctionDef)}

    def block(self, name: str) -> Block:
        """Return what the class *name* takes."""
        (init,) = [n for n in self.classes[name].body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        pairs = list(zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True))
        kinds = {a.arg: self._class(ast.unparse(a.annotation)) if a.annotation else None for a, _ in pairs}
        return Block(kinds, {argument.arg for argument, default in pairs if default is None})

    def _class(self, annotation: str) -> str | None:
        names = [name for name in re.findall(r"\w+", annotation) if name in self.classes]
        return names[0] if names else None

    def faults(self, name: str, body: dict[str, Any], place: str) -> Iterator[str]:
        """Yield what is wrong in *body*, a block of the class *name*."""
        block = self.block(name)
        yield from (f"{place}.{key} is missing" for key in block.required - body.keys())
        for key, value in body.items():
            if key not in block.arguments:
                yield f"{place}.{key} is unknown"
            elif (inner := block.arguments[key]) and isinstance(value, list):
                for item in value:
                    yield from self.faults(inner, item, f"{place}.{key}")


@pytest.fixture(scope="module")
def bindings(shared: Path) -> Path:
    """Return a folder with the bindings of all providers."""
    folder = shared / "bindings"

    def install() -> None:
        for name, version in BINDINGS.items():
            package = f"cdktf-cdktf-provider-{name}=={version}"
            run("uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder / name), package, cwd=folder)

    once(folder, install)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baked project."""
    return bake(tmp_path_factory.mktemp("infrastructure"))


def parsed(file: Path, shared: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(nodejs.node(nodejs.packages(shared), PARSE, str(file)))
    return document


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


def faults(document: dict[str, Any], bindings: Path) -> Iterator[str]:
    """Yield what the providers, or OpenTofu, would refuse in *document*."""
    kinds = {}
    for prefix, section in (("", "resource"), ("data.", "data")):
        for kind, instances in document.get(section, {}).items():
            kinds[prefix + kind] = (Kind(bindings, prefix + kind), instances)
    for name, (kind, instances) in kinds.items():
        for label, (body,) in instances.items():
            arguments = {key: value for key, value in body.items() if key not in EVERYWHERE}
            yield from kind.faults(kind.root, arguments, f"{name}.{label}")
    for provider, (body,) in document["provider"].items():
        root = Kind(bindings, f"{provider}_provider")
        yield from root.faults(root.root, body, provider)
    places = {"var": document["variable"].keys(), "local": {name for part in document["locals"] for name in part}}
    for text in strings(document):
        for expression in re.findall(r"\$\{(.*)\}", text, re.DOTALL):
            for reference in REFERENCE.findall(re.sub(r'"[^"$]*"', '""', expression)):
                yield from dangling(reference, places, kinds)


def dangling(reference: str, places: Any, kinds: Any) -> Iterator[str]:
    """Yield *reference* if it leads nowhere."""
    first, _, rest = reference.partition(".")
    if first in places:
        if rest.split(".")[0] not in places[first]:
            yield reference
    elif first not in ("each", "path", "terraform", "self"):
        prefix, words = ("data.", rest.split(".")) if first == "data" else ("", reference.split("."))
        kind, instances = kinds.get(prefix + words[0], (None, {}))
        if kind is None or words[1] not in instances or (words[2:] and words[2] not in kind.attributes):
            yield reference


@pytest.mark.parametrize("provider", FOLDERS)
def test_the_files_keep_the_schema_of_the_provider_and_every_reference_leads_somewhere(
    provider: str, project: Path, bindings: Path, shared: Path
) -> None:
    document = parsed(project / "deploy/infrastructure" / FOLDERS[provider] / "main.tf", shared)
    assert list(faults(document, bindings)) == []
    (metadata,) = bindings.glob(f"{provider}/*.dist-info/METADATA")
    of_bindings = re.search(
        rf"hashicorp/{provider} provider version (\d+\.\d+)\.", metadata.read_text(encoding="utf-8")
    )
    assert of_bindings
    ((requires,),) = ([t["required_providers"] for t in document["terraform"]],)
    assert requires[0][provider]["version"] == f"~> {of_bindings[1]}"


@pytest.mark.parametrize("case", WRONG)
def test_what_the_provider_would_refuse_is_found(
    case: str, project: Path, bindings: Path, shared: Path, tmp_path: Path
) -> None:
    before, after, reason = WRONG[case]
    text = (project / "deploy/infrastructure/aws/main.tf").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "main.tf").write_text(text.replace(before, after, 1), encoding="utf-8")
    assert re.search(reason, "\n".join(faults(parsed(tmp_path / "main.tf", shared), bindings)))


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_the_cloud_trusts_the_jobs_that_log_in_and_the_outputs_are_the_variables_they_read(
    folder: str, project: Path, shared: Path
) -> None:
    document = parsed(project / "deploy/infrastructure" / folder / "main.tf", shared)
    workflows = [
        yaml.safe_load(file.read_text(encoding="utf-8")) for file in (project / ".github/workflows").glob("*.yml")
    ]
    jobs = [job for workflow in workflows for job in workflow["jobs"].values()]
    environments = {
        job["environment"] for job in jobs if "environment" in job and "id-token" in job.get("permissions", {})
    }
    (names,) = [part["subjects"] for part in document["locals"] if "subjects" in part]
    (listed,) = re.findall(r"for name in (\[.*?\])", names)
    assert set(json.loads(listed)) == environments
    (output,) = document["output"]["variables"]
    actions = "".join(file.read_text(encoding="utf-8") for file in (GENERATED / ".github/actions").rglob("action.yml"))
    read = set(re.findall(r"fromJSON\(inputs\.vars\)\.(\w+)", actions))
    assert output["value"].keys() <= read
    assert {"REGISTRY", "REGISTRY_USER"} < output["value"].keys()
    own = {name for name in read if name.startswith({"aws": "AWS", "azure": "AZURE", "google": "GOOGLE"}[folder])}
    assert own < output["value"].keys()
