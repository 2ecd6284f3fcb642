"""Writes the scikit-learn pipeline of a project's model in MLflow's format, for the servers that are compared."""

import subprocess
from pathlib import Path

FOLDER = Path("build/scikit-learn")  # in the project
CODE = f"""
import shutil
from pathlib import Path

import mlflow.sklearn
import pandas as pd
import skops.io
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data import frame
from mlgitops.model import train

contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
rows = pd.read_parquet("data/train.parquet")
fitted = train.fit(contract, params.model, rows)
shutil.rmtree("{FOLDER.as_posix()}", ignore_errors=True)
mlflow.sklearn.save_model(
    fitted,
    "{FOLDER.as_posix()}",
    input_example=frame.features(rows.head(5), contract),
    pip_requirements=[],
    skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(fitted)),
    pyfunc_predict_fn="predict_proba",
)
"""


def saved(project: Path) -> Path:
    """Fit the pipeline on the project's train part as the stage train does; return the folder that it is saved in."""
    subprocess.run([project / ".venv/bin/python", "-c", CODE], cwd=project, check=True)
    return project / FOLDER
