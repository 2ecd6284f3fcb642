"""The model card in the form of CycloneDX, for the bill of materials of a scoring image."""

from pathlib import Path
from typing import Any

from ..contract.contract import Contract
from ..data.profile import FILE as PROFILE
from ..data.profile import PartProfile, Profile
from ..model.scorer import read_manifest
from ..registry.owner_card import OwnerCard

PARTS = {"train": "training", "test": "evaluation"}


def model_card(model: Path, owner: OwnerCard) -> dict[str, Any]:
    """Return the card of the exported *model*: task, data with digests, metrics by slice, and what the owner says."""
    manifest, contract = read_manifest(model), Contract.load(model / "contract.yaml")
    parameters: dict[str, Any] = {"approach": {"type": "supervised"}, "task": contract.task}
    algorithm = manifest.get("params", {}).get("model", {}).get("algorithm")
    if algorithm:
        parameters["architectureFamily"] = algorithm
    if (model / PROFILE).is_file():
        parts = Profile.load(model / PROFILE).parts
        parameters["datasets"] = [_dataset(name, part) for name, part in parts.items()]
    parameters["inputs"] = [{"format": f"{name}: {column.type}"} for name, column in contract.inputs.items()]
    parameters["outputs"] = [{"format": f"{contract.target}: {contract.columns[contract.target].type}"}]
    card: dict[str, Any] = {"modelParameters": parameters}
    if metrics := _metrics(manifest):
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card | ({"considerations": stated} if (stated := _considerations(owner)) else {})


def _dataset(name: str, part: PartProfile) -> dict[str, Any]:
    facts = {"rows": part.rows, "sha256": part.sha256, "md5": part.md5, "purpose": PARTS.get(name, name)}
    properties = [{"name": key, "value": str(value)} for key, value in facts.items()]
    return {"type": "dataset", "name": name, "contents": {"properties": properties}}


def _metrics(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """Return every metric of the test rows, and the primary one of each slice."""
    whole = {name: value for name, value in (manifest.get("metrics") or {}).items() if name != "rows"}
    metrics = [{"type": name, "value": str(value)} for name, value in whole.items()]
    for entry in manifest.get("slices", ()):
        column, value, _, score = entry.values()
        metrics.append({"type": next(reversed(entry)), "value": str(score), "slice": f"{column} = {value}"})
    return metrics


def _considerations(owner: OwnerCard) -> dict[str, Any]:
    stated = {
        "users": [owner.intended_users],
        "useCases": [owner.intended_use, owner.out_of_scope and f"Out of scope: {owner.out_of_scope}"],
        "technicalLimitations": [owner.limits],
    }
    considerations: dict[str, Any] = {name: list(filter(None, texts)) for name, texts in stated.items() if any(texts)}
    if owner.risks or owner.affected:
        risk = ". ".join(filter(None, [owner.affected and f"Affected: {owner.affected}", owner.risks]))
        considerations["ethicalConsiderations"] = [{"name": risk, "mitigationStrategy": owner.oversight}]
    return considerations
