"""The commands of the model registry: register, promote, roll back, list, import and fetch versions."""

from dataclasses import asdict
from pathlib import Path

import click

from ..common import project
from ..model import tracking
from ..store.mlflow_backend import connect
from . import promotions, versions
from .registration import CHALLENGER, import_model, register


def fetch(which: str, folder: Path) -> versions.VersionFacts | None:
    """Write the model of a version, by number or alias, to *folder*; return its facts, or None if it does not exist."""
    client = connect()
    version = versions.find(client, which)
    if version is None:
        return None
    versions.download(version, folder)
    return versions.facts(client, version)


def newest(other_than: str) -> str | None:
    """Return the number of the newest version whose model.onnx has another digest, or None."""
    listed = versions.listed(connect())
    return next((str(v.version) for v in reversed(listed) if v.tags.get("model_sha256") != other_than), None)


def run_of(pipeline_sha256: str) -> str | None:
    """Return the id of the MLflow run that trained the pipeline with this digest, or None."""
    return tracking.run_of(connect(), pipeline_sha256)


def promote(which: str = CHALLENGER, reason: str | None = None, back: bool = False) -> tuple[str, bool]:
    """Make a version, by number or alias, the champion; return its number, and whether the champion changed.

    *back* records it as a rollback.
    """
    client = connect()
    version = versions.existing(client, which)
    return str(version.version), promotions.promote(client, version, reason, back)


def rollback(reason: str | None = None) -> str:
    """Make the previous champion the champion again; return its number."""
    return promotions.roll_back(connect(), reason)


def number(which: str) -> str:
    """Return the number of a version, by number or alias; raises ProjectError if it does not exist."""
    return str(versions.existing(connect(), which).version)


def champion() -> str | None:
    """Return the number of the champion, or None if no version was promoted yet."""
    return promotions.champion(connect())


def previous() -> str:
    """Return the number of the previous champion; raises ProjectError if there is none."""
    return promotions.previous(promotions.records(connect()))


@click.group()
def main() -> None:
    """Manage the versions of the model: register, promote, roll back, show, import, fetch."""


@main.command(name="register")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.option("--review", type=click.Path(path_type=Path), default="reports/review.json", show_default=True)
def _register(folder: Path, review: Path) -> None:
    """Register the exported model in FOLDER as a version, the challenger; its review must have accepted it."""
    number = register(folder, review)
    click.echo(f"{folder}: version {number} of {project.name()}, the challenger")


@main.command(name="import")
@click.argument("onnx", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("contract", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--origin", required=True, help="Source of the model, for its card and the history.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option(
    "--features",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A features.py, if the model has inputs that it computes.",
)
def _import(onnx: Path, contract: Path, origin: str, threshold: float, features: Path | None) -> None:
    """Register the file ONNX, a model that was trained elsewhere, as a version; it must fit CONTRACT."""
    number = import_model(onnx, contract, origin, threshold, features)
    click.echo(f"{onnx}: version {number} of {project.name()}, the challenger")


@main.command(name="promote")
@click.argument("version", default=CHALLENGER)
@click.option("--reason", help="Reason, for the history.")
def _promote(version: str, reason: str | None) -> None:
    """Make VERSION (a number or an alias) the champion."""
    number, changed = promote(version, reason)
    click.echo(f"version {number} is {'now' if changed else 'already'} the champion")


@main.command(name="rollback")
@click.option("--reason", help="Reason, for the history.")
def _rollback(reason: str | None) -> None:
    """Make the previous champion the champion again."""
    click.echo(f"version {rollback(reason)} is the champion again")


@main.command(name="history")
def _history() -> None:
    """List all promotions: when, by whom, of which version, on what evidence."""
    click.echo(promotions.page(promotions.records(connect())))


@main.command(name="show")
@click.argument("version", default=promotions.CHAMPION)
def _show(version: str) -> None:
    """Show the attributes and tags of VERSION (a number or an alias)."""
    client = connect()
    entry = versions.existing(client, version)
    for name, value in (asdict(versions.facts(client, entry)) | entry.tags).items():
        click.echo(f"{name}: {', '.join(value) if isinstance(value, tuple) else value}")


@main.command(name="fetch")
@click.argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
def _fetch(version: str, folder: Path) -> None:
    """Write the model of VERSION (a number or an alias) to FOLDER."""
    client = connect()
    versions.download(versions.existing(client, version), folder)
    click.echo(f"{folder}: version {version} of {project.name()}")
