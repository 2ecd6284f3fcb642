"""What a scoring image says about itself: where it comes from, and when."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common import project
from ..model.scorer import digest
from ..registry.versions import VersionFacts
from ..store.git import commit, git


def when() -> int:
    """Return the time of the commit, in seconds: the same commit gives the same image, whenever it is built."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct", fails=("",)) or 0)


def lineage(facts: VersionFacts, manifest: dict[str, Any], created: int) -> dict[str, str]:
    """Return where an image comes from: the version of the model, and all that it and the image were made of."""
    known = {
        "version": facts.version,
        "run": facts.run_id,
        "commit": facts.commit,
        "data": facts.train_sha256,
        "contract": manifest["contract_sha256"],
        "model": manifest["files"]["model.onnx"],
        "lock": digest(Path("uv.lock")),
        "code": commit(),
        "created": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {name: str(value) for name, value in known.items() if value}


def annotations(labels: dict[str, str], base: str) -> dict[str, str]:
    """Return the labels of the image: those of the OCI, and those of the model."""
    name, _, pinned = base.partition("@")
    known = {
        "title": project.name(),
        "version": labels["version"],
        "revision": labels.get("code", ""),
        "created": labels["created"],
        "base.name": name,
        "base.digest": pinned,
    }
    standard = {f"org.opencontainers.image.{key}": value for key, value in known.items() if value}
    return standard | {f"model.{key}": value for key, value in labels.items()}
