"""Where MLflow keeps runs and models: a server, or .store, a folder that may be moved and shared.

MLflow writes down absolute paths of artifacts, which are wrong as soon as the folder is elsewhere. So those in .store
have addresses of their own, store:/..., that `artifacts` reads; the entry point in pyproject.toml tells MLflow of it.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ..common.errors import ProjectError
from .paths import store

if TYPE_CHECKING:
    import mlflow

SCHEME, SQLITE = "store", "sqlite:///"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model's requirements are its own, not everything that this project installs
}
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}  # until a server is known to live


def artifacts(artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Any:
    """Return MLflow's repository for the files at store:/..., which are in `store`, wherever that is now."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    base = store().resolve()
    path = (base / unquote(urlsplit(artifact_uri).path).lstrip("/")).resolve()
    if not path.is_relative_to(base):
        raise ProjectError(f"{artifact_uri}: is outside of {base}")
    return LocalArtifactRepository(path.as_uri(), tracking_uri, registry_uri)


def connect() -> "mlflow.MlflowClient":
    """Return a client of the tracking server in MLFLOW_TRACKING_URI, by default an SQLite file in `store`.

    Raises ProjectError when the server does not answer.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow
    from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    kinds: dict[str, Any] = get_registered_artifact_repositories()
    kinds[SCHEME] = artifacts  # where the package is on the path, but not installed
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _default()
    if uri.startswith(SQLITE):
        _make(Path(uri.removeprefix(SQLITE)))
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    try:
        with _set(PATIENCE):
            client.search_experiments(max_results=1)
    except Exception as error:
        raise ProjectError(
            f"the tracking server at {uri} does not answer: start it, or change "
            f"MLFLOW_TRACKING_URI (unset, runs are kept in .store): {_innermost(error)}"
        ) from error
    return client


def _make(path: Path) -> None:
    """Make a database unless there is one: whole or not at all, and once, however many processes ask for it."""
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
def _set(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables that the user has not set, for a while."""
    names = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of them is there
    return str(error)


def artifact_location() -> str | None:
    """Return where a new experiment keeps its files; None where the server decides."""
    import mlflow

    uri = mlflow.get_tracking_uri()
    if uri == _default():
        return f"{SCHEME}:/mlflow/artifacts"
    if uri.startswith(SQLITE):  # beside it, and not in the current folder, as would be MLflow's default
        return (Path(uri.removeprefix(SQLITE)).absolute().parent / "artifacts").as_uri()
    return None


def _default() -> str:
    return f"{SQLITE}{store() / 'mlflow' / 'mlflow.db'}"
