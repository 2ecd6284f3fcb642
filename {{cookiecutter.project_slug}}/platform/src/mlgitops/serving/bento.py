"""The scoring service: BentoML starts, watches and packages it, `api.Api` answers.

BentoML's own routes, timers, traces, metrics and access log stay out of the way of a request: they cost more than the
model does, and they keep what was sent. Health is BentoML's: /livez, /readyz, /healthz.
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
from . import pages
from .app import Api
from .bentoml_runtime import First, linger
from .limits import Limits

SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"  # BentoML brings one of its own

api = Api()


def _name() -> str:
    """Return the project of the model that is served, which names the service and its Bento."""
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
        """Load the model and open."""
        linger()
        start(api, Path(os.environ.get("SCORING_MODEL") or "models/export"), Limits.from_environment())
        gc.collect()
        gc.freeze()  # what is loaded stays: not to be looked through again while a caller waits
        gc.set_threshold(50_000, 10, 10)  # nor are those timers every few requests: next to none is garbage


Scoring.add_asgi_middleware(First, api=api)  # type: ignore[attr-defined]  # the decorator made it a bentoml.Service


def start(served: Api, folder: Path, limits: Limits) -> None:
    """Let *served* answer with the model in *folder*; raises ProjectError when it does not answer as when exported."""
    scorer = Scorer(folder)
    golden = files.read_json(folder / "golden.json")
    facts = lineage(scorer)
    served.start(scorer, limits, facts, pages.pages(scorer, golden, limits, facts, SWAGGER))
    answers = [json.loads(served.score(json.dumps(row).encode())[0]) for row in golden["rows"]]
    wrong = difference(golden["answers"], answers)
    if wrong:
        raise ProjectError(f"{folder}: the model does not answer here as it did when exported: {wrong}")


def lineage(scorer: Scorer) -> dict[str, Any]:
    """Return which model this is and where it comes from: what the environment says, then the Bento, then the model."""
    bento = Scoring.bento  # type: ignore[attr-defined]  # the decorator made it a bentoml.Service
    labels: dict[str, str] = dict(bento.info.labels) if bento else {}
    said = {
        name: os.environ.get(f"SCORING_{name.upper()}") or labels.get(name)
        for name in ("version", "run", "commit", "image")
    }
    said["version"] = said["version"] or scorer.manifest["files"]["model.onnx"][:12]
    return {**said, "bento": str(bento.tag) if bento else None, "labels": labels, "model": scorer.manifest}
