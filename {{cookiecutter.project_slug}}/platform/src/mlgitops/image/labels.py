"""The labels of a scoring image: its provenance and its date."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common import project
from ..model.scorer import digest
from ..registry.versions import VersionFacts
from ..store.git import NO_COMMIT, commit, git


def commit_time() -> int:
    """Return the Unix time of the commit, so that the same commit gives the same image at any time."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct", fails=NO_COMMIT) or 0)


def lineage(facts: VersionFacts, manifest: dict[str, Any], created: int, platform: str) -> dict[str, str]:
    """Return the provenance of an image: the model's version, the digests of all inputs, and its *platform*."""
    labels = {
        "version": facts.version,
        "run": facts.run_id,
        "commit": facts.commit,
        "data": facts.train_sha256,
        "data_md5": facts.train_md5,
        "raw_md5": facts.raw_md5,
        "contract": manifest["contract_sha256"],
        "model": manifest["files"]["model.onnx"],
        "lock": digest(Path("uv.lock")),
        "code": commit(),
        "platform": platform,
        "created": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {name: str(value) for name, value in labels.items() if value}


def annotations(labels: dict[str, str], base: str) -> dict[str, str]:
    """Return the labels of the image: the standard OCI ones, and those of the model."""
    name, _, base_digest = base.partition("@")
    fields = {
        "title": project.name(),
        "version": labels["version"],
        "revision": labels.get("code", ""),
        "created": labels["created"],
        "base.name": name,
        "base.digest": base_digest,
    }
    standard = {f"org.opencontainers.image.{key}": value for key, value in fields.items() if value}
    return standard | {f"model.{key}": value for key, value in labels.items()}
