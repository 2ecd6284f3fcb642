"""Records runs in MLflow: parameters, metrics, data, environment and model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import project
from ..common.errors import ProjectError
from ..common.provenance import environment
from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.row_schema import json_schema
from ..data.profile import digests
from ..store.git import commit
from ..store.mlflow_backend import artifact_location, connect
from .scorer import digest

if TYPE_CHECKING:
    import mlflow
    from mlflow.types import Schema

PIPELINE_TAG = "pipeline_sha256"  # identifies the run that trained a pipeline, on any machine
PIPELINE_MD5_TAG = "pipeline_md5"  # the digest under which dvc.lock names that pipeline
TRAIN_TAG = "train_sha256"
COMMIT_TAG = "mlflow.source.git.commit"  # of MLflow: the commit that the training started from


class RecordError(ProjectError):
    """The run of a training could not be recorded; the model itself is not affected."""


@dataclass(frozen=True)
class Training:
    """The inputs and results of one training; *model* and *train* are files."""

    contract: Contract
    params: dict[str, Any]
    model: Path
    label: str
    report: dict[str, Any]
    train: Path | None = None


def experiment(client: "mlflow.MlflowClient") -> str:
    """Return the id of the project's experiment, which is created if needed; safe for concurrent processes."""
    import mlflow

    existing = client.get_experiment_by_name(project.name())
    if existing is None:
        try:
            return str(client.create_experiment(project.name(), artifact_location=artifact_location()))
        except mlflow.MlflowException:  # another process created it first
            existing = client.get_experiment_by_name(project.name())
            if existing is None:
                raise
    if existing.lifecycle_stage == "deleted":
        client.restore_experiment(existing.experiment_id)
    return str(existing.experiment_id)


def check() -> None:
    """Raise ProjectError, before a long training, if its run could not be recorded."""
    connect()
    commit()


def record(training: Training) -> str:
    """Record one training as an MLflow run, and return the run's id.

    Raises RecordError if the tracking server or the disk fails meanwhile.
    """
    import mlflow

    try:
        return _record(training)
    except (mlflow.MlflowException, OSError) as error:  # those of requests are of the latter kind
        raise RecordError(f"the run could not be recorded in MLflow: {' '.join(str(error).split())}") from error


def _record(training: Training) -> str:
    client = connect()
    import mlflow

    sha256, md5 = digests(training.model)
    tags = {PIPELINE_TAG: sha256, PIPELINE_MD5_TAG: md5, COMMIT_TAG: commit()}
    if training.train:
        tags[TRAIN_TAG] = digest(training.train)
    metric = f"cv_{training.report['metric']}"
    experiment_id = experiment(client)
    # by id: with mlflow.set_experiment, concurrent processes could create several experiments
    with mlflow.start_run(experiment_id=experiment_id, run_name=training.label, tags=tags) as run:
        mlflow.log_params(flat(training.params))
        mlflow.log_metrics({metric: training.report["mean"], f"{metric}_std": training.report["std"]})
        if training.train:
            _log_data(training.contract, training.train, tags[TRAIN_TAG])
        mlflow.log_text("\n".join(environment()) + "\n", "environment.txt")
        mlflow.log_dict(json_schema(training.contract), "request.schema.json")
        mlflow.log_artifact(str(training.model), "model")
    return str(run.info.run_id)


def run_of(client: "mlflow.MlflowClient", pipeline_sha256: str) -> str | None:
    """Return the id of the first finished run that trained the pipeline with this digest, or None."""
    query = f"tags.{PIPELINE_TAG} = '{pipeline_sha256}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment(client)], query, order_by=["attributes.start_time ASC"], max_results=1)
    return str(runs[0].info.run_id) if runs else None


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one level, with their keys joined by dots."""
    flattened: dict[str, Any] = {}
    for key, value in values.items():
        flattened |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flattened


def columns(columns: dict[str, Column]) -> "Schema":
    """Return the MLflow schema of a validated table."""
    from mlflow.types import ColSpec, Schema

    kinds = {"number": "double", "integer": "double", "boolean": "boolean", "datetime": "datetime", "date": "datetime"}
    return Schema([ColSpec(kinds.get(c.type, "string"), name, required=not c.missing) for name, c in columns.items()])


def _log_data(contract: Contract, train: Path, sha256: str) -> None:
    """Log the data with the contract's schema: MLflow takes longer to infer it than training takes."""
    import mlflow
    from mlflow.data import sources
    from mlflow.data.meta_dataset import MetaDataset

    source = sources.LocalArtifactDatasetSource(train.as_posix())  # type: ignore[attr-defined]  # made by MLflow at import
    data = MetaDataset(source, train.stem, sha256[:32], columns(contract.columns))  # type: ignore[abstract]  # it is not
    mlflow.log_input(data, context="training")
