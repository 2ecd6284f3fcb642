"""What the README and docs/ say is so."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from helpers.repository import ROOT, package
from jsonschema import Draft202012Validator

from mlgitops.cli import VERBS, main
from mlgitops.contract import reference

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]


class Loader(yaml.SafeLoader):
    """Reads YAML as editors do: a date stays text."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def errors(name: str, content: Any) -> list[str]:
    """Return what an editor says of *content* as *name*.yaml."""
    schema = json.loads((ROOT / f"docs/{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(content)]


def read(name: str) -> Any:
    """Return the content of *name*.yaml."""
    return yaml.load((ROOT / f"{name}.yaml").read_text(encoding="utf-8"), Loader)  # noqa: S506 (a safe loader, see above)


def test_readme_lists_the_targets_of_make() -> None:
    listed = re.findall(r"^\| `make (\S+)` \| (.+) \|$", README, re.MULTILINE)
    helped = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout
    targets = re.findall(r"^ *make (\S+)\s+(.+)$", helped, re.MULTILINE)
    assert len(targets) > 20
    assert listed == targets


def test_every_target_of_make_has_a_way_without_it() -> None:
    listed = set(re.findall(r"^\| `make (\S+)` \|", README, re.MULTILINE)) - {"help"}
    section = README.partition("## Without make")[2].partition("\n## ")[0]
    instead = set(re.findall(r"^\| `([a-z-]+)` \| .*`", section, re.MULTILINE))
    assert instead <= listed
    assert listed - instead <= set(VERBS)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "platform/ci.mk").read_text(encoding="utf-8")
    for target in listed - instead:
        (recipe,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert re.search(rf"\$\(PACKAGE\) {target}\b", recipe), target


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_program_says_what_it_takes(verb: str) -> None:
    said = CliRunner().invoke(main, [verb, "--help"])
    assert said.exit_code == 0, said.output
    assert f"Usage: main {verb} " in said.output


@pytest.mark.parametrize("page", PAGES)
def test_page_names_only_commands_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `make (\S+)` \|", README, re.MULTILINE))
    targets = re.findall(r"(?:`|^|=\S+ )make ((?:[a-z][a-z-]* ?)+)", text, re.MULTILINE)
    internal = set(re.findall(r"^([a-z-]+):", (ROOT / "platform/ci.mk").read_text(encoding="utf-8"), re.MULTILINE))
    assert {target for line in targets for target in line.split()} <= listed | internal
    assert set(re.findall(rf"uv run {package()} ([a-z][\w-]*)", text)) <= set(VERBS)


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in found}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for link in re.findall(r"\]\((?!https?://)([^)]+)\)", here.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = here.parent / path if path else here
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def rows(page: str, kind: str) -> set[str]:
    """Return the names in the first column of a page's tables, in the rows whose second column is *kind*."""
    return set(re.findall(rf"^\| `([A-Z_]+)` \| {kind} \|", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))


def test_page_about_github_lists_workflows_variables_and_secrets() -> None:
    page = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    workflows = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").iterdir()}
    listed = "\n".join(line for line in page.splitlines() if line.startswith("| ["))
    assert set(re.findall(r"\[(\S+\.yml)\]", listed)) == workflows.keys()
    actions = [path.read_text(encoding="utf-8") for path in (ROOT / ".github/actions").rglob("action.yml")]
    text = "\n".join([*workflows.values(), *actions])
    assert rows("docs/github.md", "variable") == set(re.findall(r"\bvars\)?\.([A-Z_]+)", text))
    assert rows("docs/github.md", "secret") == set(re.findall(r"\bsecrets\.([A-Z_]+)", text))


def test_reference_is_what_the_code_says() -> None:
    for name, content in reference.reference().items():
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == content, f"docs/{name} is out of date: uv run {package()} reference"


@pytest.mark.parametrize("name", reference.DOCUMENTS)
def test_every_setting_is_explained(name: str) -> None:
    found = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", reference.reference()[f"{name}.md"], re.MULTILINE)
    assert len(found) > 10
    assert not [row for row in found if not all(row)]


@pytest.mark.parametrize("name", reference.DOCUMENTS)
def test_editor_finds_the_schema_and_no_fault(name: str) -> None:
    first = (ROOT / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema=docs/{name}.schema.json"
    assert errors(name, read(name)) == []


def test_editor_sees_faults() -> None:
    contract, params = read("contract"), read("params")
    assert errors("contract", contract | {"tasks": "binary"}) == [
        "Additional properties are not allowed ('tasks' was unexpected)"
    ]
    column = {"type": "datetime", "min": "next year"}
    assert len(errors("contract", contract | {"columns": contract["columns"] | {"new": column}})) == 1
    assert errors("params", params | {"split": {"test": 1.5}}) == ["1.5 is not valid under any of the given schemas"]
    del params["train"]["folds"]
    assert errors("params", params) == ["'folds' is a required property"]
