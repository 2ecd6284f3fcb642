"""What the workflow `release` checks and records in git: the approved model, and the tag of its version."""

from pathlib import Path

import click

from ..common import files
from ..common.errors import ProjectError
from ..image.overlay import pushed
from ..store.git import git
from . import api, signatures, tags
from .tags import Release

LOCK = "dvc.lock"
REPORTS = Path("reports")
STALE = f"{LOCK} of {api.DEFAULT} does not match its code and data: merge the pull request `retrain`, which updates it"
OVERTAKEN = f"""{api.DEFAULT} has approved another model since this commit, so this run releases nothing. The run of the
newest commit does: gh workflow run release.yml"""


@click.group()
def main() -> None:
    """Release the model that main has approved."""


@main.command(name="approved")
def _approved() -> None:
    """Check that dvc.lock, as the pipeline has left it, is the one that main has approved."""
    api.require_main("release")
    api.fetch()
    for commit, message in (("HEAD", STALE), (api.MAIN, OVERTAKEN)):
        if git("diff", "--quiet", commit, "--", LOCK, fails=("",)) is None:
            raise ProjectError(message)
    click.echo(f"{LOCK} is the one that {api.DEFAULT} has approved")


@main.command(name="tag")
def _tag() -> None:
    """Tag the commit with the version of the last pushed image; the message has its review."""
    api.require_main("release")
    image, labels = pushed()
    version, model = labels["version"], labels["model"]
    new = tags.create(version, image, labels | _metrics(model), _review(model))
    release = tags.find(version)
    if release is None:
        raise ProjectError(f"the tag {tags.PREFIX}{version} is missing: run `git fetch --tags`")
    same = release.image == image
    if not same:
        _verify(release)
    status = "" if new else " (unchanged)" if same else f" (released before: it stays {release.image})"
    click.echo(f"{tags.PREFIX}{version}: {image}{status}")
    name, _, digest = release.image.partition("@")  # what is not new was signed by the run that made it
    api.note("GITHUB_OUTPUT", f"name={name}\ndigest={digest}\nsign={str(same).lower()}\n")


def _verify(release: Release) -> None:
    """Raise ProjectError unless an earlier run of `release` made the image of an existing tag."""
    try:
        signatures.verify(release.image)
    except ProjectError as error:
        reason = "it has another image than this run has pushed, which no run on main has signed"
        message = tags.FOREIGN.format(name=tags.PREFIX + release.version, reason=reason)
        raise ProjectError(f"{message}\n{error.message}") from error


def _review(model: str) -> str:
    """Return the review of this model; an imported one has none."""
    page, report = REPORTS / "review.md", REPORTS / "review.json"
    if not report.is_file() or files.read_json(report).get("model_sha256") != model:
        return ""
    return page.read_text(encoding="utf-8")


def _metrics(model: str) -> dict[str, str]:
    path = REPORTS / "metrics.json"
    metrics = files.read_json(path) if path.is_file() and _review(model) else {}
    return {name: f"{value:.4f}" for name, value in metrics.items() if isinstance(value, float)}
