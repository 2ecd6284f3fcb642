"""The versions of the registered model: publish, find and download them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..common import files, project
from ..common.errors import ProjectError
from ..model.scorer import digest
from ..model.tracking import TRAIN_TAG
from .mlflow_model import copy_export, upload

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

IDENTITY = (
    "manifest_sha256"  # the manifest lists the digests of all other files, so its own digest identifies the model
)
MAX_DESCRIPTION_CHARS = 5000
OUTPUT = "dvc/"  # prefix of the tags that hold the MD5 of an output of the pipeline
RAW, TRAIN = "data/raw.parquet", "data/train.parquet"


@dataclass(frozen=True)
class VersionFacts:
    """A version: its number, git commit, MLflow run, the digest of its training rows, and its aliases.

    The MD5s are those under which DVC keeps the table that was read, and its train part.
    """

    version: str
    commit: str | None
    run_id: str | None
    train_sha256: str | None
    aliases: tuple[str, ...]
    raw_md5: str | None = None
    train_md5: str | None = None


def registered(client: "MlflowClient") -> "RegisteredModel | None":
    """Return the registered model with its aliases and tags, or None if nothing was registered yet."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(project.name())
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def aliases(client: "MlflowClient") -> dict[str, str]:
    """Return the number of the version that each alias names."""
    model = registered(client)
    return {alias: str(number) for alias, number in model.aliases.items()} if model else {}


def listed(client: "MlflowClient", identity: str | None = None) -> "list[ModelVersion]":
    """Return all versions, or those of the model with this identity, in the order of their numbers."""
    query = f"name = '{project.name()}'" + (f" and tags.{IDENTITY} = '{identity}'" if identity else "")
    page = client.search_model_versions(query)
    versions = list(page)
    while page.token:
        page = client.search_model_versions(query, page_token=page.token)
        versions += page
    return sorted(versions, key=lambda version: int(version.version))


def find(client: "MlflowClient", which: str) -> "ModelVersion | None":
    """Return the version with this number or alias, or None."""
    number = which.removeprefix("v")
    number = number if number.isdecimal() else aliases(client).get(which, "")
    return next((version for version in listed(client) if str(version.version) == number), None)


def existing(client: "MlflowClient", which: str) -> "ModelVersion":
    """Return the version with this number or alias; raises ProjectError that lists all versions."""
    entry = find(client, which)
    if entry is None:
        numbers = ", ".join(str(version.version) for version in listed(client)) or "none yet (run `make register`)"
        names = ", ".join(f"{alias} is {number}" for alias, number in sorted(aliases(client).items()))
        available = f"available: {numbers}" + (f" ({names})" if names else "")
        raise ProjectError(f"the registry has no version {which!r} of {project.name()}: {available}")
    return entry


def facts(client: "MlflowClient", version: "ModelVersion") -> VersionFacts:
    """Return the facts of a version: identity, provenance, aliases."""
    number, tags = str(version.version), version.tags
    names = sorted(alias for alias, aliased in aliases(client).items() if aliased == number)
    md5 = (tags.get(f"{OUTPUT}{path}") for path in (RAW, TRAIN))
    run_id = version.run_id or None
    return VersionFacts(number, tags.get("git_commit"), run_id, tags.get(TRAIN_TAG), tuple(names), *md5)


def publish(client: "MlflowClient", folder: Path, run_id: str | None, tags: dict[str, str]) -> "ModelVersion":
    """Publish the exported model in *folder* as a version, linked to the run that trained it if there is one.

    If processes publish the same model concurrently, the lowest number wins; all other processes delete their version.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(project.name())
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    model_id, card = upload(client, folder, run_id, tags), (folder / "card.md").read_text(encoding="utf-8")
    text = (
        card
        if len(card) <= MAX_DESCRIPTION_CHARS
        else card[: MAX_DESCRIPTION_CHARS - 30] + "\n\n… continued in card.md\n"
    )
    source = f"models:/{model_id}"
    created = client.create_model_version(project.name(), source, run_id, tags, description=text, model_id=model_id)
    first = listed(client, tags[IDENTITY])[0]
    if str(first.version) != str(created.version):
        client.delete_model_version(project.name(), str(created.version))
        client.delete_logged_model(model_id)
    return first


def download(version: "ModelVersion", folder: Path) -> None:
    """Write the exported model of *version* to *folder*, byte for byte; raises ProjectError if it was changed."""
    import mlflow.artifacts

    from .pyfunc import EXPORT

    address = f"models:/{project.name()}/{version.version}/artifacts/{EXPORT}"
    with tempfile.TemporaryDirectory() as scratch, files.replacing(folder) as new:
        copy_export(Path(mlflow.artifacts.download_artifacts(address, dst_path=scratch)), new)
        if digest(new / "manifest.json") != version.tags[IDENTITY]:
            raise ProjectError(
                f"version {version.version}: its manifest was changed after registration: use another version"
            )
