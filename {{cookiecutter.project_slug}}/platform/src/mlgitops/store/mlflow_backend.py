"""The storage of MLflow's runs and models: a tracking server, or .store, a folder that can be moved and shared.

MLflow records absolute paths of artifacts, which break when the folder is moved. So artifacts in .store have URIs
store:/..., which `artifacts` resolves; it is an entry point in pyproject.toml.
"""

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ..common.errors import ProjectError
from ..common.failures import fault
from .paths import store

if TYPE_CHECKING:
    import mlflow

SCHEME, SQLITE = "store", "sqlite:///"
DEFAULT_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # with the two below: a server that is gone costs seconds, not minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model has its own requirements, not all packages of this project
}
CHECK_TIMEOUTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}  # for the first request, which checks that the server is up
STALE_VARIABLES = ("MLFLOW_RUN_ID", "MLFLOW_ACTIVE_MODEL_ID")  # of a scheduler or another project: MLflow would resume


def artifacts(artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Any:
    """Return MLflow's artifact repository for store:/..., a path below the current `store` folder."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    base = store().resolve()
    path = (base / unquote(urlsplit(artifact_uri).path).lstrip("/")).resolve()
    if not path.is_relative_to(base):
        raise ProjectError(f"{artifact_uri}: the path is outside of {base}")
    return LocalArtifactRepository(path.as_uri(), tracking_uri, registry_uri)


def connect() -> "mlflow.MlflowClient":
    """Return a client for MLFLOW_TRACKING_URI, by default an SQLite file in `store`.

    Raises ProjectError when the server does not answer, or the URI is of a kind that MLflow does not support.
    """
    for name, value in DEFAULT_SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in STALE_VARIABLES:
        os.environ.pop(name, None)
    import mlflow
    from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    repositories: dict[str, Any] = get_registered_artifact_repositories()
    repositories[SCHEME] = artifacts  # needed if the package is on the path but not installed
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_uri()
    mlflow.set_tracking_uri(uri)
    try:
        with _environment(CHECK_TIMEOUTS):
            if uri.startswith(SQLITE):
                _create_database(Path(uri.removeprefix(SQLITE)))
            elif not uri.startswith("http"):
                from mlflow.store.db import utils

                utils.MAX_RETRY_COUNT = 4  # with MLflow's 10, a database that is gone costs two minutes
            client = mlflow.MlflowClient()
            client.search_experiments(max_results=1)
    except Exception as error:
        local = None if uri.startswith("http") else fault(error)  # of a server, the address is what helps
        raise ProjectError(local or _unusable(uri, error)) from error
    return client


def _unusable(uri: str, error: Exception) -> str:
    shown = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", uri)  # without a password
    if "://" in uri and not uri.startswith("file:"):
        problem = f"the tracking server at {shown} does not answer: start it, change MLFLOW_TRACKING_URI,"
    else:
        problem = f"MLFLOW_TRACKING_URI is {shown}, where MLflow keeps no runs: name a server or a database,"
    return f"{problem} or unset it to keep runs in .store: {_innermost(error)}"


def _create_database(path: Path) -> None:
    """Create the database if it does not exist; atomic and safe for concurrent processes."""
    if path.exists():
        return
    import filelock
    import mlflow

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        if not path.exists():
            new = Path(scratch) / path.name
            mlflow.MlflowClient(tracking_uri=f"{SQLITE}{new}").search_experiments(max_results=1)
            new.replace(path)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables, except those that the user has set, and remove them afterwards."""
    names = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of the two is set
    return str(error)


def artifact_location() -> str | None:
    """Return the artifact location of a new experiment; None if the server decides."""
    import mlflow

    uri = mlflow.get_tracking_uri()
    if uri == default_uri():
        return f"{SCHEME}:/mlflow/artifacts"
    if uri.startswith(SQLITE):  # beside the database; MLflow's default is the current folder
        return (Path(uri.removeprefix(SQLITE)).absolute().parent / "artifacts").as_uri()
    return None


def default_uri() -> str:
    """Return the address of the database in `store`."""
    return f"{SQLITE}{store() / 'mlflow' / 'mlflow.db'}"
