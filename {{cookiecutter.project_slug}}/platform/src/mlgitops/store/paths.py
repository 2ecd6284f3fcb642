"""The folder .store, for everything that git ignores."""

from pathlib import Path

from ..common.project import root


def store() -> Path:
    """Return the folder of DVC's objects, the MLflow database and its artifacts; it is created if missing."""
    folder = root() / ".store"
    (folder / "mlflow").mkdir(parents=True, exist_ok=True)
    return folder
