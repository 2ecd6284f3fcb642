"""Pages come from templates on one base layout: they escape every value, and the image has those that it serves."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from mlgitops.common import html
from mlgitops.contract.contract import Contract
from mlgitops.image import bento
from mlgitops.review import phrases
from mlgitops.review.report import Source
from mlgitops.serving.examples import Examples
from mlgitops.serving.limits import Limits
from mlgitops.serving.pages import pages

EVIL = "</script></title><script>alert(1)</script><img src=x>\"'{{ 7 * 7 }}"
BASE = "common/base.html.j2"
TEMPLATES = sorted(path.relative_to(html.PACKAGE).as_posix() for path in html.PACKAGE.rglob("*.html.j2"))


class Elements(HTMLParser):
    """The elements of a page, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        """Parse *page*."""
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data if self.tags[-1:] not in (["script"], ["style"]) else ""


def served(contract: Contract, metrics: dict[str, Any] | None, fact: str = "c0ffee") -> dict[str, Any]:
    scorer: Any = SimpleNamespace(contract=contract, manifest={"threshold": 0.5})
    examples = Examples([dict.fromkeys(contract.inputs, EVIL)] * 3, [{"prediction": True}] * 3)
    model = {} if metrics is None else {"metrics": metrics}
    lineage = {"version": fact, "commit": fact, "image": fact, "run": fact, "model": model}
    return pages(scorer, examples, Limits(), lineage, Path("swagger"))


def hostile() -> Contract:
    column = {"type": "category", "categories": [EVIL, "b"], "description": EVIL}
    columns = {EVIL: column, "plain": column, f"y{EVIL}": {"type": "boolean", "description": EVIL}}
    return Contract.model_validate({"task": "binary", "target": f"y{EVIL}", "columns": columns})


def test_the_page_of_the_service_escapes_whatever_the_contract_and_the_model_say() -> None:
    _, content, headers = served(hostile(), {EVIL: 0.5, "rows": 9}, EVIL)["/"]
    page, plain = content().decode(), served(hostile(), {"a": 0.5, "rows": 9})["/"][1]().decode()
    elements = Elements(page)
    assert elements.tags == Elements(plain).tags
    assert f"Predict y{EVIL}" in elements.text
    assert EVIL.replace("_", " ") in elements.text
    facts = json.loads(re.findall(r'id="facts">(.*?)</script>', page, re.DOTALL)[0])
    assert facts["target"] == f"y{EVIL}"
    assert facts["fields"][0]["name"] == EVIL
    assert dict(headers)[b"content-security-policy"].count(b"'sha256-") == len(re.findall("<script>", page)) == 1


def test_the_page_of_a_model_without_metrics_says_its_version_alone() -> None:
    page = served(hostile(), None)["/"][1]().decode()
    assert "evaluated on" not in page
    assert "<span>version</span> <b>c0ffee</b>" in page


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="facts"):
        html.render("serving/page.html.j2")


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != BASE and "/_" not in name])
def test_every_page_extends_the_base_layout_and_brings_no_colours_of_its_own(template: str) -> None:
    text = (html.PACKAGE / template).read_text(encoding="utf-8")
    assert text.startswith(f'{{% extends "{BASE}" %}}\n')
    styles = [
        text,
        *((html.PACKAGE / name).read_text(encoding="utf-8") for name in re.findall(r'"([\w/]+\.css)"', text)),
    ]
    assert [line for style in styles for line in style.splitlines() if re.search(r"#[0-9a-f]{3,6}\b[;,)]", line)] == []


@pytest.mark.parametrize("template", [name for name in TEMPLATES if "/_" in name])
def test_a_part_of_a_page_brings_no_layout_and_no_style(template: str) -> None:
    text = (html.PACKAGE / template).read_text(encoding="utf-8")
    assert not re.search(r"\{% extends|<style|<script|style=", text)


def test_the_image_has_the_templates_of_its_pages_and_no_others(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (tmp_path / "model").mkdir()
    bento._gather(tmp_path / "model", source)
    package = source / bento.PACKAGE.name
    gathered = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    templates = {name for name in gathered if not name.endswith(".py")}
    assert {"common/base.html.j2", "common/base.css", "serving/page.html.j2", "serving/page.js"} < templates
    assert {name.partition("/")[0] for name in templates} == {"common", "serving"}
    code = f"from {package.name}.common.html import render; print(render('serving/docs.html.j2'))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source, env={"PYTHONPATH": "."}, capture_output=True, text=True
    )
    assert "SwaggerUIBundle" in run.stdout, run.stderr


def test_a_commit_with_changed_files_is_shown_as_one() -> None:
    dirty = "c0ffee" * 6 + "c0ff-dirty"
    facts: Any = dict.fromkeys(("model_sha256", "pipeline_sha256", "test_sha256", "contract_sha256"), "d" * 64)
    candidate = SimpleNamespace(source=Source("candidate", commit=dirty), packages={}, **facts)
    evidence: Any = SimpleNamespace(candidate=candidate, champion=None)
    assert ("git commit", "c0ffeec0ffee-dirty", "—") in phrases.lineage(evidence)
    assert "<b>c0ffeec0ffee-dirty</b>" in served(hostile(), None, dirty)["/"][1]().decode()
