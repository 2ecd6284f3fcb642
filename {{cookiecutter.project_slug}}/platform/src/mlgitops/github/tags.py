"""The tags model/vN: which image is version N, where it comes from, and why it was accepted. They never move."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from ..common import files, project
from ..common.errors import ProjectError
from ..image.overlay import pushed
from ..store.git import git
from . import api

PREFIX = "model/v"
REPORTS = Path("reports")


@dataclass(frozen=True)
class Release:
    """A version whose image was pushed, as recorded in its tag."""

    version: str
    image: str
    facts: dict[str, str]
    review: str


def create(version: str, image: str, facts: dict[str, str], review: str) -> bool:
    """Tag the current commit as a version, locally and at origin; return False if the tag exists already."""
    api.fetch()
    if find(version):
        return False
    lines = [
        f"{project.name()} {version}",
        "",
        f"image: {image}",
        *(f"{name}: {value}" for name, value in facts.items()),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        message = Path(scratch) / "message"
        files.write(message, "\n".join([*lines, "", review]))
        git("tag", "--annotate", "--cleanup=verbatim", "--file", str(message), f"{PREFIX}{version}", "HEAD")
    if git("push", "--quiet", "origin", f"refs/tags/{PREFIX}{version}", fails=("already exists", "rejected")) is None:
        git("tag", "--delete", f"{PREFIX}{version}")
        api.fetch()
        return False
    return True


def find(version: str) -> Release | None:
    """Return the release of a version, or None if it has no tag."""
    name = f"{PREFIX}{version.removeprefix('v')}"
    text = git("tag", "--list", "--format=%(contents)", name)
    if not text:
        return None
    _, header, review = [*text.split("\n\n", 2), "", ""][:3]
    facts = dict(line.split(": ", 1) for line in header.splitlines() if ": " in line)
    return Release(version.removeprefix("v"), facts.pop("image"), facts, review)


def releases() -> list[Release]:
    """Return all releases, newest first."""
    names = (git("tag", "--list", f"{PREFIX}*", "--sort=-version:refname") or "").split()
    return [release for name in names if (release := find(name.removeprefix(PREFIX)))]


def of_image(image: str) -> Release:
    """Return the release of an image; raises ProjectError if there is none."""
    match = next((release for release in releases() if release.image == image), None)
    if match is None:
        raise ProjectError(
            f"no tag {PREFIX}* has the image {image}: only images that `release` has tagged are deployed"
        )
    return match


@click.command()
def main() -> None:
    """Tag the commit with the version of the last pushed image; the message has its review."""
    image, labels = pushed()
    version, model = labels["version"], labels["model"]
    new = create(version, image, labels | _metrics(model), _review(model))
    release = find(version)
    if release is None:
        raise ProjectError(f"the tag {PREFIX}{version} is missing: run `git fetch --tags`")
    status = "" if new else " (unchanged)" if release.image == image else f" (exists already, with {release.image})"
    click.echo(f"{PREFIX}{version}: {image}{status}")
    name, _, digest = release.image.partition("@")  # the next steps of the workflow sign and deploy this image
    api.note("GITHUB_OUTPUT", f"version={version}\nname={name}\ndigest={digest}\n")


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
