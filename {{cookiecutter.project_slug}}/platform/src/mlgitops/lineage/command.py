"""The command: the lineage of a version, an image, a service, a prediction, a file or a digest."""

import json
from dataclasses import asdict

import click

from ..common.errors import ProjectError
from ..common.project import root
from ..contract.params import Params
from ..github import production, tags
from ..monitoring.place import Place
from ..registry import versions
from ..store.mlflow_backend import connect
from . import prediction, subject
from .open_lineage import event
from .origin import Origin, origins
from .record import Traced, traced


def known() -> tuple[Origin, ...]:
    """Return the lineage of every version of the registry."""
    client, released = connect(), tags.releases()
    return origins(versions.listed(client), versions.aliases(client), released, _running(released))


def place() -> Place:
    """Return where the predictions are kept."""
    return Place(Params.load(root() / "params.yaml").monitor.predictions)


def _running(released: list[tags.Release]) -> dict[str, str]:
    """Return the image that git declares for each environment: staging runs the newest release."""
    running = {"staging": released[0].image} if released else {}
    try:
        declared = production.declared()
    except ProjectError:  # without a remote there is no main that declares anything
        declared = None
    return running | ({"production": declared} if declared else {})


def find(asked: str, candidates: tuple[Origin, ...], predictions: Place) -> tuple[Origin, ...]:
    """Return the versions that *asked* leads to; raises ProjectError if there is none."""
    for identity in subject.identities(asked):
        if matches := tuple(origin for origin in candidates if origin.names(identity)):
            return matches
    for identity in prediction.model_of(asked, predictions):
        if matches := tuple(origin for origin in candidates if origin.names(identity)):
            return matches
    numbers = ", ".join(origin.version for origin in candidates) or "none yet"
    raise ProjectError(
        f"no version of the registry (there are {numbers}) and no collected prediction is known as {asked}: name a "
        "version, alias, environment, image, digest, commit, file, exported model, prediction id, or the address of a "
        "service; versions of other machines come with `make pull-store`, predictions with `make collect`"
    )


def text(trace: Traced) -> str:
    """Return the lineage for a terminal, from what it has answered and where it runs back to the data."""
    origin, read, answered = trace.origin, trace.read, trace.answered
    names = ", ".join([*origin.aliases, *(f"runs in {name}" for name in origin.environments)])
    lines = [
        ("version", f"{origin.version}{f' ({names})' if names else ''}"),
        ("predictions", answered and f"{answered.rows:,}, {answered.first} to {answered.last}"),
        ("image", origin.image),
        ("commit", origin.commit),
        ("MLflow run", origin.run_id),
        ("commit that the run started from", origin.run_commit),
        *origin.digests.items(),
        *((f"{path} (md5)", md5) for path, md5 in origin.files.items()),
        ("data from", origin.source),
        ("what was read", origin.source_read),
        ("read before", read and f"{read.at} (commit {read.commit})"),
    ]
    return "\n".join(f"{name:33} {value}" for name, value in lines if value)


@click.command()
@click.argument("asked", metavar="WHAT")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--openlineage", is_flag=True, help="Print one OpenLineage event a line, for a catalog.")
def main(asked: str, as_json: bool, openlineage: bool) -> None:
    """Show the versions that WHAT leads to, from the data to where they run.

    WHAT is a version, an alias, an environment, an image, a commit, a digest or its first characters, a file, an
    exported model, a prediction id, or the address of a service.
    """
    predictions = place()
    matches = [traced(origin, predictions) for origin in find(asked, known(), predictions)]
    if openlineage:
        click.echo("\n".join(json.dumps(event(trace.origin)) for trace in matches))
    elif as_json:
        click.echo(json.dumps([_flat(trace) for trace in matches], indent=2))
    else:
        click.echo("\n\n".join(map(text, matches)))


def _flat(trace: Traced) -> dict[str, object]:
    return asdict(trace.origin) | {name: value for name, value in asdict(trace).items() if name != "origin"}
