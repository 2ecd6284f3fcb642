"""Pins the image of each environment in git: each overlay of deploy/ names an image by its digest."""

import re
from pathlib import Path

import click
import yaml

from ..common import files
from ..common.errors import ProjectError

BUILT = Path("build/image.json")  # metadata of the most recently built image
OVERLAYS, ENVIRONMENTS, OVERLAY_FILE = Path("deploy/overlays"), ("staging", "production"), "kustomization.yaml"
CANARY = "canary"  # a version beside that of production, in a component
PINNED = {name: OVERLAYS / name / OVERLAY_FILE for name in ENVIRONMENTS}
PINNED |= {
    CANARY: Path("deploy/components") / CANARY / OVERLAY_FILE
}  # what runs where, by the file that pins its image
ARCHITECTURE = "kubernetes.io/arch"  # the label of nodes that an overlay selects
PLATFORM = re.compile(r"linux/([a-z0-9]{1,20})(?:/\w{1,20})?")  # of one image; those of several are joined by +
NO_DIGEST = f"sha256:{'0' * 64}"  # placeholder until a version is promoted
# the grammar of the OCI distribution specification: registry, its port, path, digest; nothing that a shell would read
IMAGE = re.compile(
    r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+@sha256:[0-9a-f]{64}"
)


def checked(image: str) -> str:
    """Return *image* if it is name@sha256:...; raises ProjectError otherwise."""
    if not IMAGE.fullmatch(image):
        raise ProjectError(f"{image!r} is not an image digest: write name@sha256: and 64 hexadecimal digits")
    return image


def pushed() -> tuple[str, dict[str, str]]:
    """Return the last pushed image, as name@sha256:..., and its labels; raises ProjectError if there is none."""
    built = files.read_json(BUILT) if BUILT.is_file() else {}
    if "digest" not in built:
        raise ProjectError("no image was pushed yet: run `make push-image`")
    return f"{built['repository']}@{built['digest']}", built["labels"]


def pin(path: Path, image: str, platform: str | None = None) -> None:
    """Set the image of the overlay in *path* to *image*, name@sha256:...; raises ProjectError if it has no digest.

    Pods then run on nodes of the image's *platform*, such as linux/amd64, or on any if the image is for several.
    """
    name, _, digest = checked(image).partition("@")
    files.set_line(path, "newName", name)
    files.set_line(path, "digest", digest)
    if platform and ARCHITECTURE in path.read_text(encoding="utf-8"):
        single = PLATFORM.fullmatch(platform)
        files.set_line(path, ARCHITECTURE, single[1] if single else "null")


def pinned(text: str) -> str | None:
    """Return the image in the *text* of an overlay, or None if it has none yet; raises ProjectError."""
    try:
        (image,) = yaml.safe_load(text)["images"]
        name, digest = str(image["newName"]), str(image["digest"])
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        raise ProjectError(
            f"{OVERLAY_FILE} of an overlay in {OVERLAYS}: expected one entry of `images` with newName and digest"
        ) from None
    return None if digest == NO_DIGEST else checked(f"{name}@{digest}")


@click.group()
def main() -> None:
    """Show or pin the image of staging, production, or the canary beside it."""


@main.command(name="pin")
@click.argument("overlay", type=click.Choice(list(PINNED)))
@click.argument("image", required=False)
def _pin(overlay: str, image: str | None) -> None:
    """Set the image of OVERLAY to IMAGE (name@sha256:...), by default the most recently pushed one."""
    path = PINNED[overlay]
    chosen, platform = (image, None) if image else (pushed()[0], pushed()[1].get("platform"))
    pin(path, chosen, platform)
    click.echo(f"{path}: {chosen}; commit it to deploy it")


@main.command(name="show")
@click.argument("overlay", type=click.Choice(list(PINNED)))
def _show(overlay: str) -> None:
    """Print the image that OVERLAY runs, as name@sha256:..."""
    image = pinned(PINNED[overlay].read_text(encoding="utf-8"))
    if image is None:
        raise ProjectError(f"{overlay} has no image yet: pin one with `overlay pin`")
    click.echo(image)
