"""The folder .store, which keeps what git does not."""

from pathlib import Path

from ..common.project import root


def store() -> Path:
    """Return the folder that holds DVC's objects, the MLflow database and its artifacts, made if it is absent."""
    folder = root() / ".store"
    (folder / "mlflow").mkdir(parents=True, exist_ok=True)
    return folder
