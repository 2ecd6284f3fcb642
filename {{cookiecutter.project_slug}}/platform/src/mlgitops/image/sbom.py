"""The CycloneDX bill of materials of a scoring image: packages of uv.lock, packages of the base, and the model."""

import importlib.metadata
import json
import uuid
from pathlib import Path
from typing import Any

from ..common import project
from ..model.scorer import read_manifest
from ..registry.owner_card import OwnerCard
from .bento import uv
from .model_card import model_card

DPKG_QUERY = ["dpkg-query", "--show", "--showformat=${Package} ${Version} ${Architecture}\\n"]


def document(image: str, created: str, packages: Path, model: Path, system: str) -> dict[str, Any]:
    """Return the bill of materials of *image*; *system* is the output of DPKG_QUERY in the image."""
    options = ["--only-group", "serving", "--no-emit-project", "--format", "cyclonedx1.5", "--frozen"]
    bill: dict[str, Any] = json.loads(uv("export", "--preview-features", "sbom-export", *options))
    installed = {(_name(d.name), d.version) for d in importlib.metadata.distributions(path=[str(packages)])}
    python = [
        component for component in bill["components"] if (_name(component["name"]), component["version"]) in installed
    ]
    debian = [_debian(*line.split()) for line in system.splitlines()]
    components = [*python, *debian, _model(model)]
    refs = {component["bom-ref"] for component in components}
    bill["components"] = components
    bill["dependencies"] = [
        {**dependency, "dependsOn": [ref for ref in dependency.get("dependsOn", []) if ref in refs]}
        for dependency in bill.get("dependencies", [])
        if dependency["ref"] in refs
    ]
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, image)}"
    subject = {"type": "container", "bom-ref": image, "name": image.partition(":")[0], "version": image}
    bill["metadata"] |= {"timestamp": created, "component": subject}
    return bill


def _name(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _debian(name: str, version: str, architecture: str) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _model(model: Path) -> dict[str, Any]:
    manifest = read_manifest(model)
    return {
        "type": "machine-learning-model",
        "bom-ref": "model.onnx",
        "name": project.name(),
        "version": manifest["files"]["model.onnx"][:12],
        "hashes": [{"alg": "SHA-256", "content": manifest["files"]["model.onnx"]}],
        "modelCard": model_card(model, OwnerCard.of_project()),
    }
