"""Says in git which image runs where: each overlay of deploy/ names one, by its digest."""

import re
from pathlib import Path

import click
import yaml

from .. import files
from ..config import ProjectError
from .command import BUILT

OVERLAYS, ENVIRONMENTS = Path("deploy/overlays"), ("staging", "production")


@click.group()
def main() -> None:
    """Say which image staging and production run."""


@main.command(name="pin")
@click.argument("overlay", type=click.Choice(ENVIRONMENTS))
@click.argument("image", required=False)
def _pin(overlay: str, image: str | None) -> None:
    """Let OVERLAY run IMAGE (name@sha256:...), by default the one that was pushed last."""
    if not image:
        made = files.read_json(BUILT) if BUILT.is_file() else {}
        if "digest" not in made:
            raise ProjectError("no image was pushed yet: `make push` does, or give one as name@sha256:...")
        image = f"{made['repository']}@{made['digest']}"
    if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
        raise ProjectError(f"{image}: is no digest; write name@sha256: and 64 hexadecimal digits")
    path, (name, _, digested) = OVERLAYS / overlay / "kustomization.yaml", image.partition("@")
    files.set_line(path, "newName", name)
    files.set_line(path, "digest", digested)
    click.echo(f"{path}: {image}; commit it to deploy it")


@main.command(name="show")
@click.argument("overlay", type=click.Choice(ENVIRONMENTS))
def _show(overlay: str) -> None:
    """Print the image that OVERLAY runs, as name@sha256:..."""
    path = OVERLAYS / overlay / "kustomization.yaml"
    (image,) = yaml.safe_load(path.read_text(encoding="utf-8"))["images"]
    click.echo(f"{image['newName']}@{image['digest']}")


if __name__ == "__main__":
    main()
