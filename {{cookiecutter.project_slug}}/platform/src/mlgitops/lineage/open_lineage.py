"""A version as an event of OpenLineage, the format in which data catalogs exchange lineage."""

import uuid
from datetime import UTC, datetime
from typing import Any

from ..common import project
from ..registry.versions import RAW
from .origin import Origin

SPECIFICATION = "https://openlineage.io/spec"
SCHEMA = f"{SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent"
VERSION_SCHEMA = f"{SPECIFICATION}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
PRODUCER = "urn:mlgitops"
DATA = "data/"  # the outputs of the pipeline that a model is made from; all others are made from them


def event(origin: Origin) -> dict[str, Any]:
    """Return the event of the run that made a version: its inputs and outputs, each with its digest."""
    name = project.name()
    model = {f"{name}/version/{origin.version}": origin.digests.get("manifest_sha256", "")}
    inputs = {path: md5 for path, md5 in origin.files.items() if path.startswith(DATA)}
    if origin.source:
        inputs[origin.source] = origin.files.get(RAW, "")
    outputs = {path: md5 for path, md5 in origin.files.items() if not path.startswith(DATA)} | model
    identity = origin.digests.get("manifest_sha256") or origin.run_id or origin.version
    return {
        "eventType": "COMPLETE",
        "eventTime": datetime.fromtimestamp(origin.created / 1000, UTC).isoformat(),
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}:{name}:{identity}"))},
        "job": {"namespace": name, "name": "pipeline"},
        "inputs": [_dataset(name, *pair) for pair in inputs.items()],
        "outputs": [_dataset(name, *pair) for pair in outputs.items()],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    }


def _dataset(namespace: str, name: str, digest: str) -> dict[str, Any]:
    facet = {"_producer": PRODUCER, "_schemaURL": VERSION_SCHEMA, "datasetVersion": digest}
    return {"namespace": namespace, "name": name, "facets": {"version": facet}}
