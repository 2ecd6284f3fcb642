"""Everything that is said to MLflow about runs: parameters, metrics, data, environment, model."""

import importlib.metadata
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from . import estimator, table
from .config import ProjectError
from .contract import Contract
from .schema import json_schema
from .scorer import digest
from .search import Trial
from .settings import Params, Train

if TYPE_CHECKING:
    import mlflow
    from mlflow.models import ModelSignature

PIPELINE_TAG = "pipeline_sha256"  # finds the run that made a pipeline, whichever machine recorded it
ROOT = Path(__file__).absolute().parents[2]


def store() -> Path:
    """Return the folder that keeps what git does not: DVC objects, the MLflow database and its artifacts."""
    root = ROOT if (ROOT / "contract.yaml").is_file() else Path.cwd()
    (root / ".store" / "mlflow").mkdir(parents=True, exist_ok=True)
    return root / ".store"


def connect() -> "mlflow.MlflowClient":
    """Return a client of the tracking server in MLFLOW_TRACKING_URI, by default an SQLite file in `store`.

    Raises ProjectError when the server does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    import mlflow

    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(f"sqlite:///{store() / 'mlflow' / 'mlflow.db'}")
    client = mlflow.MlflowClient()
    try:
        client.search_experiments(max_results=1)
    except Exception as error:
        raise ProjectError(f"the tracking server at {mlflow.get_tracking_uri()} does not answer: {error}") from error
    return client


def experiment(client: "mlflow.MlflowClient") -> str:
    """Return the id of the project's experiment, made if there is none; safe when several processes ask at once."""
    import mlflow

    name = str(__package__)
    found = client.get_experiment_by_name(name)
    if found is None:
        folder = store() / "mlflow" / "artifacts"
        try:
            return str(client.create_experiment(name, artifact_location=None if is_server() else folder.as_uri()))
        except mlflow.MlflowException:  # another process was first
            found = client.get_experiment_by_name(name)
    if found is None:
        raise ProjectError(f"MLflow has no experiment {name!r} and did not make it")
    return str(found.experiment_id)


def is_server() -> bool:
    """Return whether runs go to a server rather than to a database on this machine."""
    import mlflow

    return mlflow.get_tracking_uri().startswith(("http://", "https://", "databricks"))


def commit() -> str:
    """Return the git commit of the work tree, with -dirty where it differs; empty outside a repository."""
    found = subprocess.run(["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"], capture_output=True, text=True)
    return found.stdout.strip()


def record_training(
    contract: Contract, params: Params, chosen: Train, train: Path, model: Path, report: dict[str, Any], trials: list[Trial]
) -> str:
    """Record one training as an MLflow run, each trial as its child, and return the run's id."""
    client = connect()
    import mlflow

    rows = pd.read_parquet(train)
    tags = {PIPELINE_TAG: digest(model), "mlflow.source.git.commit": commit(), "train_sha256": digest(train)}
    with mlflow.start_run(experiment_id=experiment(client), run_name=chosen.algorithm, tags=tags) as run:
        mlflow.log_params(_flat(params.model_dump(exclude={"train"}) | {"train": chosen.model_dump()}))
        mlflow.log_metrics({f"cv_{report['metric']}": report["mean"], f"cv_{report['metric']}_std": report["std"]})
        source = mlflow.data.http_dataset_source.HTTPDatasetSource(train.resolve().as_uri())
        dataset = mlflow.data.from_pandas(_plain(rows), source=source, name=train.stem, targets=contract.target, digest=digest(train)[:32])
        mlflow.log_input(dataset, context="training")
        mlflow.log_text("\n".join(environment()) + "\n", "environment.txt")
        mlflow.log_dict(json_schema(contract), "request.schema.json")
        _log_pipeline(contract, estimator.load(model), rows.head(5))
        for trial in trials:
            with mlflow.start_run(experiment_id=experiment(client), run_name=f"trial {trial.number}", nested=True):
                mlflow.log_params(trial.settings)
                mlflow.log_metric(f"cv_{report['metric']}", trial.score)
    return str(run.info.run_id)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Return *rows* in types that MLflow describes without a warning."""
    truths = rows.select_dtypes("boolean").columns
    return rows.astype({name: "float64" for name in truths} | {name: "object" for name in rows.select_dtypes("string").columns})


def environment() -> list[str]:
    """Return every installed package as name==version."""
    return sorted({f"{package.name}=={package.version}" for package in importlib.metadata.distributions()}, key=str.lower)


def signature(contract: Contract) -> "ModelSignature":
    """Return the signature of the pipeline: one column per feature, as `table.features` makes them."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    kinds = {"number": "float", "category": "string"}
    inputs = Schema([ColSpec(kinds[feature.kind], feature.name) for feature in contract.features])
    shape = (-1, len(contract.classes)) if contract.classes else (-1,)
    return ModelSignature(inputs, Schema([TensorSpec(pd.Series(dtype="float64").to_numpy().dtype, shape)]))


def _log_pipeline(contract: Contract, pipeline: Any, rows: pd.DataFrame) -> None:
    import mlflow.sklearn

    mlflow.sklearn.log_model(
        pipeline,
        name="pipeline",
        signature=signature(contract),
        input_example=table.features(rows, contract),
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("scikit-learn", "skops", "pandas", "numpy")],
        skops_trusted_types=estimator.TRUSTED,
        pyfunc_predict_fn="predict_proba" if contract.classes else "predict",
    )
