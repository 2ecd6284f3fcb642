"""Deploys an image to an environment, verifies its predictions, and rolls back if they are wrong."""

import tempfile
from pathlib import Path

import click

from ..common import files
from ..common.errors import ProjectError
from ..common.provenance import workflow
from ..image.overlay import ENVIRONMENTS, pinned
from ..registry import command as registry
from ..serving import smoke
from ..serving.client import Client
from . import api, promote, tags, targets
from .tags import Release
from .targets import Target, rollout_seconds

MARKER = "<!-- deployment -->"
NO_TARGET_MESSAGE = """DEPLOY_TARGET is not set, so {image} was not deployed. To deploy, set the repository variable
DEPLOY_TARGET to kubernetes (with the secret KUBECONFIG) or compose (with the variable DEPLOY_RUNNER, a runner on the
server): see docs/deploy.md"""


def deploy(environment: str, release: Release) -> str:
    """Deploy *release* to *environment*; return a message about the result.

    Raises ProjectError, after a rollback to the previous image, if the predictions are not reproduced.
    """
    target = targets.find(environment)
    if target is None:
        return NO_TARGET_MESSAGE.format(image=release.image)
    before = target.current()
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        if registry.fetch(release.version, model) is None:
            raise ProjectError(f"the registry has no version {release.version}: run `make pull-store`")
        try:
            _run(target, release.image, model)
        except ProjectError as error:
            raise ProjectError(_roll_back(target, before, release, error)) from error
    return f"{environment} runs version {release.version}, which reproduces the reference predictions: {release.image}"


def _run(target: Target, image: str, model: Path | None = None) -> None:
    target.apply(image)
    with target.address() as url:
        client = Client(url)
        client.wait(rollout_seconds())
        if model:
            smoke.check(client, files.read_json(model / "golden.json"))


def _roll_back(target: Target, before: str | None, release: Release, error: ProjectError) -> str:
    message = f"version {release.version} ({release.image}) failed verification: {error.message}"
    if before in (None, release.image):
        return f"{message}\nthere is no previous image to roll back to"
    try:
        _run(target, str(before))
    except ProjectError as second_error:
        return f"{message}\nthe rollback to the previous image {before} failed too: {second_error.message}"
    return f"{message}\nrolled back to {before}"


def desired_release(environment: str) -> Release | None:
    """Return the desired release of an environment: staging runs the newest tag, production the overlay's image."""
    api.fetch()
    if environment == "staging":
        return next(iter(tags.releases()), None)
    image = pinned(Path(promote.OVERLAY).read_text(encoding="utf-8"))
    return tags.of_image(image) if image else None


@click.group()
def main() -> None:
    """Deploy the version that git specifies."""


@main.command(name="run")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
def _run_command(environment: str) -> None:
    """Deploy the version that git specifies to ENVIRONMENT and verify its predictions."""
    release = desired_release(environment)
    nothing = f"{environment} runs nothing yet: run `make promote`"
    message = deploy(environment, release) if release else nothing
    click.echo(message)
    api.note("GITHUB_STEP_SUMMARY", message + "\n")


@main.command(name="champion")
def _champion() -> None:
    """Make the version in production the champion of the registry."""
    release = desired_release("production")
    if release is None:
        click.echo("production runs nothing yet: the champion is unchanged")
        return
    urls = [pull["html_url"] for pull in api.merged()]
    number, changed = registry.promote(release.version, next(iter(urls), None))
    click.echo(f"version {number} is {'now' if changed else 'already'} the champion")


@main.command(name="failed")
def _failed() -> None:
    """Report the failed deployment on its pull request, and open one that restores the champion."""
    failed, address = desired_release("production"), workflow()
    number = registry.champion()
    champion = tags.find(number) if number else None
    name = f"version {failed.version}" if failed else "the new version"
    text = f"## ❌ The deployment of {name} to production failed\n\nThe [log]({address}) shows the error."
    if champion and failed and champion.image != failed.image:
        url = promote.propose(champion, f"Deploying {name} failed ([log]({address})): production runs this one again.")
        text += f" Version {champion.version} runs again; merge this pull request to restore it in git: {url}"
    for pull in api.merged():
        api.comment(pull["number"], MARKER, text)
    click.echo(text)
