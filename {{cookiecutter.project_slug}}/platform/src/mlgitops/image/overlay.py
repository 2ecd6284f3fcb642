"""Says in git which image runs where: each overlay of deploy/ names one, by its digest."""

import re
from pathlib import Path

import click
import yaml

from ..common import files
from ..common.errors import ProjectError

BUILT = Path("build/image.json")  # what is known of the image that was built last
OVERLAYS, ENVIRONMENTS, FILE = Path("deploy/overlays"), ("staging", "production"), "kustomization.yaml"
NOTHING = f"sha256:{'0' * 64}"  # until a version is promoted


def pushed() -> tuple[str, dict[str, str]]:
    """Return the image that was pushed last, as name@sha256:..., and its labels; raises ProjectError where none was."""
    made = files.read_json(BUILT) if BUILT.is_file() else {}
    if "digest" not in made:
        raise ProjectError("no image was pushed yet: `make push-image` pushes the one that was built last")
    return f"{made['repository']}@{made['digest']}", made["labels"]


def pin(path: Path, image: str) -> None:
    """Let the overlay in *path* run *image*, name@sha256:...; raises ProjectError where it is no digest."""
    if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
        raise ProjectError(f"{image}: is no digest; write name@sha256: and 64 hexadecimal digits")
    name, _, digest = image.partition("@")
    files.set_line(path, "newName", name)
    files.set_line(path, "digest", digest)


def pinned(text: str) -> str | None:
    """Return the image that the *text* of an overlay names, or None where it names none yet."""
    (image,) = yaml.safe_load(text)["images"]
    return None if image["digest"] == NOTHING else f"{image['newName']}@{image['digest']}"


@click.group()
def main() -> None:
    """Say which image staging and production run."""


@main.command(name="pin")
@click.argument("overlay", type=click.Choice(ENVIRONMENTS))
@click.argument("image", required=False)
def _pin(overlay: str, image: str | None) -> None:
    """Let OVERLAY run IMAGE (name@sha256:...), by default the one that was pushed last."""
    path, chosen = OVERLAYS / overlay / FILE, image or pushed()[0]
    pin(path, chosen)
    click.echo(f"{path}: {chosen}; commit it to deploy it")


@main.command(name="show")
@click.argument("overlay", type=click.Choice(ENVIRONMENTS))
def _show(overlay: str) -> None:
    """Print the image that OVERLAY runs, as name@sha256:..."""
    image = pinned((OVERLAYS / overlay / FILE).read_text(encoding="utf-8"))
    if image is None:
        raise ProjectError(f"{overlay} runs nothing yet: pin an image")
    click.echo(image)
