"""Makes an environment run an image, proves that it answers as that version does, and goes back where it does not."""

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
from .targets import Target, patience

MARKER = "<!-- deployment -->"
UNSET = """DEPLOY_TARGET is not set, so {image} was not deployed anywhere. To deploy, set the repository's variable
DEPLOY_TARGET to kubernetes (with the secret KUBECONFIG) or compose (with the variable DEPLOY_RUNNER, a runner on the
server): docs/deploy.md"""


def deploy(environment: str, release: Release) -> str:
    """Make *environment* run *release*; return what happened, in words.

    Raises ProjectError where it does not answer as it should; what ran before runs again then.
    """
    target = targets.find(environment)
    if target is None:
        return UNSET.format(image=release.image)
    before = target.current()
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        if registry.fetch(release.version, model) is None:
            raise ProjectError(
                f"the registry has no version {release.version}: `make pull-store` fetches those of others"
            )
        try:
            _run(target, release.image, model)
        except ProjectError as error:
            raise ProjectError(_go_back(target, before, release, error)) from error
    return f"{environment} runs version {release.version}, which answers as it should: {release.image}"


def _run(target: Target, image: str, model: Path | None = None) -> None:
    target.apply(image)
    with target.address() as url:
        client = Client(url)
        client.wait(patience())
        if model:
            smoke.check(client, files.read_json(model / "golden.json"))


def _go_back(target: Target, before: str | None, release: Release, error: ProjectError) -> str:
    said = f"version {release.version} ({release.image}) does not answer as it should: {error.message}"
    if before in (None, release.image):
        return f"{said}\nthere is nothing else to go back to"
    try:
        _run(target, str(before))
    except ProjectError as worse:
        return f"{said}\n{before}, which ran before, does not answer any more either: {worse.message}"
    return f"{said}\n{before} runs again"


def wanted(environment: str) -> Release | None:
    """Return what git says an environment runs: the newest tag in staging, the overlay's image in production."""
    api.fetch()
    if environment == "staging":
        return next(iter(tags.every()), None)
    image = pinned(Path(promote.OVERLAY).read_text(encoding="utf-8"))
    return tags.of_image(image) if image else None


@click.group()
def main() -> None:
    """Deploy what git says."""


@main.command(name="run")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
def _run_command(environment: str) -> None:
    """Make ENVIRONMENT run what git says, and prove that it answers."""
    release = wanted(environment)
    nothing = f"{environment} runs nothing yet: `make promote` puts a version there"
    said = deploy(environment, release) if release else nothing
    click.echo(said)
    api.note("GITHUB_STEP_SUMMARY", said + "\n")


@main.command(name="champion")
def _champion() -> None:
    """Make the version that production runs the champion of the registry."""
    release = wanted("production")
    if release is None:
        click.echo("production runs nothing yet: the champion stays")
        return
    addresses = [pull["html_url"] for pull in api.merged()]
    number, changed = registry.promote(release.version, next(iter(addresses), None))
    click.echo(f"version {number} is {'now' if changed else 'already'} the champion")


@main.command(name="failed")
def _failed() -> None:
    """Say on the pull request that the deployment failed, and open the one that puts the champion back."""
    bad, address = wanted("production"), workflow()
    last = registry.champion()
    champion = tags.find(last) if last else None
    name = f"version {bad.version}" if bad else "the new version"
    text = f"## ❌ Production did not take {name}\n\nThe deployment failed ([log]({address}))."
    if champion and bad and champion.image != bad.image:
        url = promote.propose(champion, f"Production did not take {name} ([log]({address})), and runs this one again.")
        text += f" Version {champion.version} runs again; so that git says the same: {url}"
    for pull in api.merged():
        api.comment(pull["number"], MARKER, text)
    click.echo(text)
