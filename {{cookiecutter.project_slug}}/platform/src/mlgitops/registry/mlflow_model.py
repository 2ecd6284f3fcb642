"""Logs an exported folder to MLflow as a model, with the metrics of evaluate."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..common import files
from ..common.provenance import requirements
from ..contract.contract import Contract
from ..model.scorer import read_manifest
from ..model.tracking import experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

INPUT_EXAMPLE_ROWS = 5
LOADER_SCRIPT = """from mlflow.models import set_model
from mlgitops.registry.pyfunc import ExportedModel

set_model(ExportedModel())
"""


def upload(client: "MlflowClient", folder: Path, run_id: str | None, tags: dict[str, str]) -> str:
    """Log the folder as a model that MLflow can load and serve, and return its id."""
    from mlflow.entities import LoggedModelOutput

    from .pyfunc import EXPORT

    logged = client.create_logged_model(experiment(client), EXPORT, source_run_id=run_id, tags=tags, model_type="onnx")
    with tempfile.TemporaryDirectory() as scratch:
        client.log_model_artifacts(logged.model_id, str(_save(folder, logged, Path(scratch))))
    client.finalize_logged_model(logged.model_id, "READY")
    if run_id:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        _log_metrics(client, run_id, logged.model_id, read_manifest(folder))
    return str(logged.model_id)


def _save(folder: Path, logged: "LoggedModel", scratch: Path) -> Path:
    """Save the folder below *scratch* in MLflow's model format, with the code of this package; return its path."""
    import mlflow.pyfunc
    from mlflow.models import Model

    from .pyfunc import EXPORT, REQUIREMENTS, signature

    script, copy, saved = (scratch / name for name in ("model.py", EXPORT, "model"))
    files.write(script, LOADER_SCRIPT)
    copy_export(folder, copy)
    model = Model(logged.artifact_location, logged.source_run_id, model_uuid=logged.model_id, model_id=logged.model_id)
    mlflow.pyfunc.save_model(
        saved,
        mlflow_model=model,
        python_model=script,
        artifacts={EXPORT: str(copy)},
        code_paths=[str(Path(__file__).parents[1])],
        signature=signature(Contract.load(folder / "contract.yaml")),
        input_example=pd.DataFrame(files.read_json(folder / "golden.json")["rows"][:INPUT_EXAMPLE_ROWS]),
        pip_requirements=requirements(*REQUIREMENTS),
    )
    for compiled in saved.rglob("__pycache__"):
        shutil.rmtree(compiled)
    return saved


def copy_export(folder: Path, target: Path) -> None:
    """Copy the manifest and all files that it lists."""
    target.mkdir()
    for name in ("manifest.json", *read_manifest(folder)["files"]):
        shutil.copyfile(folder / name, target / name)


def _log_metrics(client: "MlflowClient", run_id: str, model_id: str, manifest: dict[str, Any]) -> None:
    """Log the metrics of evaluate to the run and to the model."""
    from mlflow.entities import Metric

    now, data = int(time.time() * 1000), {"dataset_name": "test", "dataset_digest": manifest["test_sha256"][:32]}
    metrics = {f"test_{name}": float(value) for name, value in manifest["metrics"].items()}
    client.log_batch(run_id, [Metric(k, v, now, 0, model_id=model_id, **data) for k, v in metrics.items()])
