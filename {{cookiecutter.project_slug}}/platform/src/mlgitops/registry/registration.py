"""Registers a model as a version: one that was trained and approved here, or an imported one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..common import files, project
from ..common.errors import ProjectError
from ..common.project import root
from ..contract.contract import Contract
from ..data.profile import digests
from ..data.reading import IngestReport
from ..model import trained
from ..model.scorer import digest, read_manifest
from ..model.tracking import COMMIT_TAG, TRAIN_TAG, Training, record, run_of
from ..store.git import commit
from ..store.mlflow_backend import connect
from . import imported, versions

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER = "challenger"
INGEST = "ingest.json"  # what the stage `ingest` read, among the reports
SOURCE = "source"  # tags with where the data came from, and how it was read
MAX_TAG_CHARS = 5000  # of MLflow


def register(folder: Path, review: Path) -> str:
    """Register the model in *folder*, which *review* accepted, as a version, the challenger; return its number.

    Idempotent: the same model is the same version. Raises ProjectError if the review refused it or is of another model.
    """
    manifest, evidence = read_manifest(folder), _approved(folder, review)
    client = connect()
    if versions.listed(client, digest(folder / "manifest.json")):
        return _published(folder, None, {})
    run_id = run_of(client, manifest["pipeline_sha256"])
    recorded = None if run_id else _record_again(folder, manifest, review.parent)
    run_id = str(run_id or recorded)
    trained = client.get_run(run_id).data.tags
    tags = {TRAIN_TAG: trained.get(TRAIN_TAG), "run_commit": trained.get(COMMIT_TAG), "review_sha256": digest(review)}
    number = _published(folder, run_id, {"evidence": evidence, **tags} | source(review.parent / INGEST))
    _name_version(client, run_id, number)
    if recorded and versions.existing(client, number).run_id != recorded:  # a concurrent process was first
        _forget(client, recorded)
    return number


def source(report: Path) -> dict[str, str | None]:
    """Return the tags that say where the data came from; empty unless *report* is the one that dvc.lock names."""
    lock = root() / "dvc.lock"
    if not report.is_file() or not lock.is_file() or digests(report)[1] not in lock.read_text(encoding="utf-8"):
        return {}
    read = IngestReport.load(report)
    return {SOURCE: read.source, f"{SOURCE}_read": read.describe()[:MAX_TAG_CHARS]}


def _name_version(client: "MlflowClient", run_id: str, number: str) -> None:
    """Let the run name its version and the version's commit: its own is an earlier one, before dvc.lock changed."""
    version = versions.existing(client, number)
    if version.run_id == run_id:
        named = {"version": number, "version_commit": version.tags.get("git_commit")}
        for key, value in _strings(named).items():
            client.set_tag(run_id, key, value)


def _approved(folder: Path, review: Path) -> str:
    """Return the verdict of the review that accepted this model, for the tags; raises ProjectError."""
    if not review.is_file():
        raise ProjectError(f"{review} is missing: only a reviewed model is registered: run `make review`")
    report = files.read_json(review)
    if report.get("model_sha256") != digest(folder / "model.onnx"):
        raise ProjectError(f"{review} is not about the model in {folder}: review that with `make review`")
    if report["accepted"] is not True:
        raise ProjectError(f"{report['verdict']}, so it is not registered: see {review.with_suffix('.html')}")
    return f"{report['verdict']}: {report['outcome']}"


def _record_again(folder: Path, manifest: dict[str, Any], reports: Path) -> str:
    """Record the run of a model that another machine trained, from the files of the pipeline; return its id."""
    pipeline, scores = folder.parent / "trained.onnx", reports / "cross_validation.json"
    if not (pipeline.is_file() and scores.is_file() and digest(pipeline) == manifest["pipeline_sha256"]):
        raise ProjectError(
            f"MLflow has no run of the model in {folder}, and recording it again needs {scores} and "
            f"the {pipeline} that this model was exported from: fetch them with `dvc pull`"
        )
    params, report = manifest["params"], files.read_json(scores)
    params["model"] |= report.get("settings", {})
    contract = Contract.with_features(folder / "contract.yaml", folder / project.FEATURES)
    label = trained.load(pipeline, contract).description().label
    return record(Training(contract, params, pipeline, label, report))


def _forget(client: "MlflowClient", run_id: str) -> None:
    """Delete a run with its models."""
    outputs = client.get_run(run_id).outputs
    for model in outputs.model_outputs if outputs else ():
        client.delete_logged_model(model.model_id)
    client.delete_run(run_id)


def import_model(onnx: Path, contract: Path, origin: str, threshold: float = 0.5, features: Path | None = None) -> str:
    """Register a model that was trained elsewhere as a version, the challenger; return its number.

    Raises ProjectError if it does not fit the contract; *origin* is shown in the model card and in the history.
    """
    connect()
    with imported.exported(onnx, contract, origin, threshold, features) as folder:
        return _published(folder, None, {"evidence": f"imported from {origin}"})


def _published(folder: Path, run_id: str | None, tags: dict[str, str | None]) -> str:
    client, identity = connect(), digest(folder / "manifest.json")
    existing = versions.listed(client, identity)
    version = (
        existing[0] if existing else versions.publish(client, folder, run_id, _tags(folder, identity) | _strings(tags))
    )
    client.set_registered_model_alias(project.name(), CHALLENGER, str(version.version))
    return str(version.version)


def _tags(folder: Path, identity: str) -> dict[str, str]:
    """Return tags with the provenance of a model: commit, data, contract, packages."""
    manifest = read_manifest(folder)
    names = ("pipeline_sha256", "contract_sha256", "test_sha256", "threshold")
    tags = {name: manifest.get(name) for name in names}
    tags |= {f"test_{name}": value for name, value in (manifest.get("metrics") or {}).items()}
    locks = {name: root() / name for name in ("uv.lock", "dvc.lock")}
    tags |= {f"{name}_sha256": digest(path) for name, path in locks.items() if path.is_file()}
    if locks["dvc.lock"].is_file():
        tags |= _md5(yaml.safe_load(locks["dvc.lock"].read_text(encoding="utf-8")))
    model = {versions.IDENTITY: identity, "model_sha256": manifest["files"]["model.onnx"], "git_commit": commit()}
    return _strings(tags | model)


def _md5(lock: dict[str, Any]) -> dict[str, str]:
    """Return the MD5 digests of all stage outputs, under which DVC stores them."""
    outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    return {f"{versions.OUTPUT}{out['path']}": out["md5"] for out in outs if "md5" in out}


def _strings(tags: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in tags.items() if value not in (None, "")}
