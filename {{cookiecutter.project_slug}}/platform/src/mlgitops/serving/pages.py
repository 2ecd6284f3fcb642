"""The pages of the service: a form to try the model, API documentation, the schema of a row, and the lineage."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..common.html import render
from ..common.provenance import short
from ..contract.row_schema import json_schema
from ..model.scorer import Scorer
from .admission import Headers
from .app import Page
from .examples import Examples
from .limits import JSON, Limits
from .openapi import document

HTML = "text/html; charset=utf-8"
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
SWAGGER = ("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")


def pages(
    scorer: Scorer, examples: Examples, limits: Limits, lineage: dict[str, Any], swagger: Path, explained: int = 0
) -> dict[str, Page]:
    """Return all pages by path, their content in memory, apart from the large files of Swagger UI in *swagger*.

    *explained* is the most rows of a request for reasons, 0 where there are none.
    """
    contract = scorer.contract
    facts = {
        "target": contract.target,
        "classes": contract.classes,
        "threshold": scorer.manifest["threshold"],
        "fields": [{"name": name, **column.model_dump(mode="json")} for name, column in contract.inputs.items()],
        "rows": examples.rows,
        "explained": explained > 0,
    }
    meaning = contract.columns[contract.target].description
    contents = {
        "/": _html(render("serving/page.html.j2", facts=facts, meaning=meaning, chips=list(_chips(lineage)))),
        "/docs": _html(render("serving/docs.html.j2")),
        "/openapi.json": _json(document(contract, examples, lineage["version"], limits, explained)),
        "/schema": _json(json_schema(contract)),
        "/lineage": _json(lineage),
    }
    cached: Headers = [(b"cache-control", b"max-age=86400")]
    return contents | {f"/docs/{name}": (kind, (swagger / name).read_bytes, cached) for name, kind in SWAGGER}


def _chips(lineage: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts below the title: which model it is, and its first metrics where it was trained here."""
    yield "version", lineage["version"]
    if lineage["commit"]:
        yield "commit", short(lineage["commit"])
    if lineage["image"]:
        yield "image", lineage["image"].rpartition("@")[2][:19]
    metrics = dict(lineage["model"].get("metrics") or {})
    rows = metrics.pop("rows", None)
    for name, value in list(metrics.items())[:3]:
        yield name.replace("_", " "), f"{value:,.4f}"
    if rows:
        yield "evaluated on", f"{rows:,} rows"


def _json(value: Any) -> Page:
    content = json.dumps(value, ensure_ascii=False, indent=2).encode()
    return JSON, lambda: content, []


def _html(text: str) -> Page:
    """A page that may run its own scripts, talk to this service, and nothing else."""
    content = text.encode()
    digests = [hashlib.sha256(script.encode()).digest() for script in SCRIPT.findall(text)]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTML, lambda: content, [(b"content-security-policy", policy.encode()), (b"referrer-policy", b"no-referrer")]
