"""The scoring service: BentoML starts, supervises and packages it; `app.Api` answers requests.

Requests bypass BentoML's own routes, timers, traces, metrics and access log, which cost more time than the model and
record values that were sent. BentoML answers the health checks: /livez, /readyz, /healthz.
"""

import gc
import json
import os
from pathlib import Path
from typing import Any

import bentoml

from ..common import files
from ..common.errors import ProjectError
from ..model.scorer import Scorer, difference
from . import examples, pages
from .app import Api
from .bentoml_runtime import BypassMiddleware, bound_connections, linger, use_http_protocol
from .explain import Explanations
from .limits import Limits
from .log_settings import OFF, LogSettings

SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"  # BentoML includes Swagger UI

api = Api()


def _name() -> str:
    """Return the project of the served model, which is the name of the service and its Bento."""
    manifest = Path(os.environ.get("SCORING_MODEL") or "models/export") / "manifest.json"
    return str(files.read_json(manifest).get("project") or "scoring") if manifest.is_file() else "scoring"


@bentoml.service(
    name=_name(),
    workers=int(os.environ.get("SCORING_WORKERS") or 1),
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": [".*"]},
)
class Scoring:
    """Scores rows with the exported model in the folder SCORING_MODEL."""

    def __init__(self) -> None:
        """Load the model and start answering."""
        linger()
        limits = Limits.from_environment()
        bound_connections(limits)
        folder = Path(os.environ.get("SCORING_MODEL") or "models/export")
        start(api, folder, limits, LogSettings.from_environment())
        gc.collect()
        gc.freeze()  # loaded objects stay: exclude them from garbage collection during requests
        gc.set_threshold(50_000, 10, 10)  # and collect rarely: requests leave almost no garbage


use_http_protocol()
Scoring.add_asgi_middleware(BypassMiddleware, api=api)  # type: ignore[attr-defined]  # the decorator made it a bentoml.Service


def start(served: Api, folder: Path, limits: Limits, log: LogSettings = OFF) -> None:
    """Serve the model in *folder* with *served*; raises ProjectError if it does not reproduce its golden answers."""
    scorer = Scorer(folder)
    golden = files.read_json(folder / "golden.json")
    facts = lineage(scorer)
    shown = examples.golden(golden) if limits.examples == "golden" else examples.synthetic(scorer)
    reasons = Explanations(scorer, limits)
    served.start(scorer, limits, facts, pages.pages(scorer, shown, limits, facts, SWAGGER, reasons.rows), reasons, log)
    answers = [json.loads(served.score(json.dumps(row).encode())[0]) for row in golden["rows"]]
    mismatch = difference(golden["answers"], answers)
    if mismatch:
        raise ProjectError(f"{folder}: the model does not reproduce its golden answers: {mismatch}")


def lineage(scorer: Scorer) -> dict[str, Any]:
    """Return the origin of the model: from environment variables, else from the Bento, else from the model."""
    bento = Scoring.bento  # type: ignore[attr-defined]  # the decorator made it a bentoml.Service
    labels: dict[str, str] = dict(bento.info.labels) if bento else {}
    origin = {
        name: os.environ.get(f"SCORING_{name.upper()}") or labels.get(name)
        for name in ("version", "run", "commit", "image")
    }
    origin["version"] = origin["version"] or scorer.manifest["files"]["model.onnx"][:12]
    return {**origin, "bento": str(bento.tag) if bento else None, "labels": labels, "model": scorer.manifest}
