"""The folder that export wrote as a logged model of MLflow, with what evaluate measured."""

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

EXAMPLES = 5  # rows that show how to ask
LOADER = """from mlflow.models import set_model
from mlgitops.registry.pyfunc import ExportedModel

set_model(ExportedModel())
"""


def upload(client: "MlflowClient", folder: Path, run_id: str | None, tags: dict[str, str]) -> str:
    """Log the folder as a model that MLflow can load and serve, and return its id."""
    from mlflow.entities import LoggedModelOutput

    from .pyfunc import EXPORT

    made = client.create_logged_model(experiment(client), EXPORT, source_run_id=run_id, tags=tags, model_type="onnx")
    with tempfile.TemporaryDirectory() as scratch:
        client.log_model_artifacts(made.model_id, str(_saved(folder, made, Path(scratch))))
    client.finalize_logged_model(made.model_id, "READY")
    if run_id:
        client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
        _log_metrics(client, run_id, made.model_id, read_manifest(folder))
    return str(made.model_id)


def _saved(folder: Path, made: "LoggedModel", scratch: Path) -> Path:
    """Write the folder below *scratch* as MLflow keeps models, with this package's code, and return where."""
    import mlflow.pyfunc
    from mlflow.models import Model

    from .pyfunc import EXPORT, REQUIREMENTS, signature

    script, copy, saved = (scratch / name for name in ("model.py", EXPORT, "model"))
    files.write(script, LOADER)
    copy_export(folder, copy)
    model = Model(made.artifact_location, made.source_run_id, model_uuid=made.model_id, model_id=made.model_id)
    mlflow.pyfunc.save_model(
        saved,
        mlflow_model=model,
        python_model=script,
        artifacts={EXPORT: str(copy)},
        code_paths=[str(Path(__file__).parents[1])],
        signature=signature(Contract.load(folder / "contract.yaml")),
        input_example=pd.DataFrame(files.read_json(folder / "golden.json")["rows"][:EXAMPLES]),
        pip_requirements=requirements(*REQUIREMENTS),
    )
    for compiled in saved.rglob("__pycache__"):
        shutil.rmtree(compiled)
    return saved


def copy_export(folder: Path, target: Path) -> None:
    """Copy the manifest and the files that it names."""
    target.mkdir()
    for name in ("manifest.json", *read_manifest(folder)["files"]):
        shutil.copyfile(folder / name, target / name)


def _log_metrics(client: "MlflowClient", run_id: str, model_id: str, manifest: dict[str, Any]) -> None:
    """Log what evaluate measured to the run and to the model."""
    from mlflow.entities import Metric

    now, data = int(time.time() * 1000), {"dataset_name": "test", "dataset_digest": manifest["test_sha256"][:32]}
    metrics = {f"test_{name}": float(value) for name, value in manifest["metrics"].items()}
    client.log_batch(run_id, [Metric(k, v, now, 0, model_id=model_id, **data) for k, v in metrics.items()])
