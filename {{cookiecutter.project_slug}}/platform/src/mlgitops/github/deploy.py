"""Deploys an image to an environment, verifies its predictions, and rolls back if they are wrong."""

import tempfile
from pathlib import Path

import click

from ..common import files
from ..common.errors import ProjectError
from ..common.provenance import workflow
from ..image.overlay import ENVIRONMENTS, checked
from ..registry import command as registry
from ..serving import smoke
from ..serving.client import Client
from . import api, production, promote, signatures, tags, targets
from .tags import Release
from .targets import Target
from .tools import rollout_seconds

MARKER = "<!-- deployment -->"
NO_TARGET_MESSAGE = """DEPLOY_TARGET is not set, so {image} was not deployed. To deploy, set the repository variable
DEPLOY_TARGET to kubernetes (with the secret KUBECONFIG), compose (with the variable DEPLOY_RUNNER, a runner on the
server), azureml or cloudrun: see docs/deploy.md"""


def deploy(environment: str, release: Release, manifests: Path = targets.DEPLOY) -> str:
    """Deploy *release* to *environment* as *manifests* describe it; return a message about the result.

    Raises ProjectError if `release` on main has not signed the image, or, after a rollback to the previous image, if
    the predictions are not reproduced.
    """
    target = targets.find(environment, manifests)
    if target is None:
        return NO_TARGET_MESSAGE.format(image=release.image)
    target.platform = release.facts.get("platform")
    proof = signatures.verify(release.image)
    before = target.current()
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        if registry.fetch(release.version, model) is None:
            raise ProjectError(f"the registry has no version {release.version}: run `make pull-store`")
        try:
            _run(target, release.image, model)
        except ProjectError as error:
            raise ProjectError(_roll_back(target, before, release, error)) from error
    answer = f"{environment} runs version {release.version}, which reproduces the reference predictions"
    return f"{answer}: {release.image}\n{proof}"


def _run(target: Target, image: str, model: Path | None = None) -> None:
    target.apply(image)
    with target.address() as url:
        client = Client(url)
        if not target.awaited:
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
    """Return the release that origin declares for an environment, whatever is checked out; None if there is none yet.

    Staging runs the newest tag, production the image in the overlay on main.
    """
    api.fetch()
    if environment == "staging":
        return next(iter(tags.releases()), None)
    image = production.declared()
    return tags.of_image(image) if image else None


@click.group()
def main() -> None:
    """Deploy the version that git specifies."""


@main.command(name="run")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
def _run_command(environment: str) -> None:
    """Deploy the version that git specifies to ENVIRONMENT and verify its predictions."""
    api.require_main("deploy")
    release = desired_release(environment)
    message = f"{environment} runs nothing yet: run `make promote`"
    if release:
        with production.manifests() as folder:
            message = deploy(environment, release, folder)
    click.echo(message)
    api.note("GITHUB_STEP_SUMMARY", message + "\n")


@main.command(name="verify")
@click.argument("environment", type=click.Choice(ENVIRONMENTS), default="production")
@click.option("--image", help="The image to verify, as name@sha256:..., instead of that of ENVIRONMENT.")
def _verify(environment: str, image: str | None) -> None:
    """Verify that `release` on main has made the image that git declares for ENVIRONMENT (default: production)."""
    release = None if image else desired_release(environment)
    name = image or (release.image if release else None)
    click.echo(signatures.verify(checked(name)) if name else f"{environment} runs nothing yet: nothing to verify")


@main.command(name="champion")
def _champion() -> None:
    """Make the version in production the champion of the registry."""
    api.require_main("champion")
    release = desired_release("production")
    if release is None:
        click.echo("production runs nothing yet: the champion is unchanged")
        return
    urls = [pull["html_url"] for pull in api.merged()]
    back = production.went_back()
    number, changed = registry.promote(release.version, next(iter(urls), None), back)
    state = ("again" if back else "now") if changed else "already"
    click.echo(f"version {number} is {state} the champion")


@main.command(name="failed")
def _failed() -> None:
    """Report the failed deployment on its pull request, and open one that restores the champion."""
    api.require_main("deploy-failed")
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
