"""Which versions, runs and models of MLflow are no longer needed, and how they are deleted."""

from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from ..common import project
from ..model.tracking import PIPELINE_MD5_TAG, experiment
from ..store.mlflow_backend import default_uri
from . import promotions, versions

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPORT = "models/export"
PARENT = "mlflow.parentRunId"
TRASH_OF_OTHERS = "the server keeps what was deleted until its operator runs `mlflow gc`"


@dataclass(frozen=True)
class Keep:
    """What is kept: released versions, what has one of these digests, and all that is younger than *before* (ms)."""

    released: frozenset[str]
    md5s: frozenset[str]
    before: int


@dataclass(frozen=True)
class Removable:
    """The numbers of versions, and the ids of runs and models, that nothing needs any more."""

    versions: tuple[str, ...]
    runs: tuple[str, ...]
    models: tuple[str, ...]

    def describe(self) -> str:
        """Return one line that says what is removed."""
        numbers = f" ({', '.join(self.versions)})" if self.versions else ""
        return f"{len(self.versions)} versions{numbers}, {len(self.runs)} runs, {len(self.models)} models"


def removable(client: "MlflowClient", keep: Keep) -> Removable:
    """Return what nothing needs: no release, alias, champion of the past, kept digest or kept run."""
    place = experiment(client)
    entries, all_runs = versions.listed(client), _pages(lambda token: client.search_runs([place], page_token=token))
    pinned = keep.released | set(versions.aliases(client).values())
    pinned |= {promotion.version for promotion in promotions.records(client)}
    kept = [entry for entry in entries if _is_kept(entry, pinned, keep)]
    runs = _kept_runs(all_runs, {entry.run_id for entry in kept}, keep)
    models = _pages(lambda token: client.search_logged_models([place], page_token=token))
    kept_models = {(entry.source or "").rpartition("/")[2] for entry in kept}
    return Removable(
        tuple(str(entry.version) for entry in entries if entry not in kept),
        tuple(entry.info.run_id for entry in all_runs if entry.info.run_id not in runs),
        tuple(
            entry.model_id
            for entry in models
            if entry.model_id not in kept_models
            and entry.source_run_id not in runs
            and entry.creation_timestamp < keep.before
        ),
    )


def _is_kept(version: Any, pinned: Iterable[str], keep: Keep) -> bool:
    made = version.tags.get(f"{versions.OUTPUT}{EXPORT}")  # None: imported, so nothing could make it again
    young = version.creation_timestamp >= keep.before
    return str(version.version) in pinned or made is None or made in keep.md5s or young


def _kept_runs(runs: list[Any], of_versions: set[str | None], keep: Keep) -> set[str]:
    """Return the ids of kept runs; the trials of a search are kept with it."""
    kept = {
        entry.info.run_id
        for entry in runs
        if entry.info.run_id in of_versions
        or entry.data.tags.get(PIPELINE_MD5_TAG) in keep.md5s
        or entry.info.start_time >= keep.before
        or entry.info.status == "RUNNING"
    }
    return kept | {entry.info.run_id for entry in runs if entry.data.tags.get(PARENT) in kept}


def _pages(search: Callable[[str | None], Any]) -> list[Any]:
    page = search(None)
    entries = list(page)
    while page.token:
        page = search(page.token)
        entries += page
    return entries


def remove(client: "MlflowClient", unneeded: Removable) -> str:
    """Delete versions, models and runs, for good where the database is this project's own; return a remark, or ""."""
    import mlflow

    for number in unneeded.versions:
        client.delete_model_version(project.name(), number)
    for model_id in unneeded.models:
        client.delete_logged_model(model_id)
    for run_id in unneeded.runs:
        client.delete_run(run_id)
    uri = mlflow.get_tracking_uri()
    if uri != default_uri():
        return TRASH_OF_OTHERS if unneeded.runs or unneeded.models else ""
    from mlflow.cli import gc

    with redirect_stdout(StringIO()):  # a line for each
        gc.main(["--backend-store-uri", uri], standalone_mode=False)
    return ""
