"""What can be read of the service: its page, its documentation, the schema of a row, and where the model comes from."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ..contract.row_schema import json_schema
from ..model.scorer import Scorer
from .admission import Headers
from .app import Page
from .limits import JSON, Limits
from .openapi import document

HTML = "text/html; charset=utf-8"
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
SWAGGER = ("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")


def pages(
    scorer: Scorer, golden: dict[str, Any], limits: Limits, lineage: dict[str, Any], swagger: Path
) -> dict[str, Page]:
    """Return all pages by path, their content in memory, apart from the large files of Swagger UI in *swagger*."""
    contract = scorer.contract
    facts = {
        "target": contract.target,
        "meaning": contract.columns[contract.target].description,
        "task": contract.task,
        "classes": contract.classes,
        "threshold": scorer.manifest["threshold"],
        "fields": [{"name": name, **column.model_dump(mode="json")} for name, column in contract.inputs.items()],
        "rows": golden["rows"],
        "lineage": lineage,
    }
    found = {
        "/": _html(_here("page.html").replace("{facts}", _embedded(facts))),
        "/docs": _html(_here("docs.html")),
        "/openapi.json": _json(document(contract, golden, lineage["version"], limits)),
        "/schema": _json(json_schema(contract)),
        "/lineage": _json(lineage),
    }
    kept: Headers = [(b"cache-control", b"max-age=86400")]
    return found | {f"/docs/{name}": (kind, (swagger / name).read_bytes, kept) for name, kind in SWAGGER}


def _here(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _embedded(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")


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
