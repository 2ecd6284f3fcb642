"""Builds the scoring image from a version of the registry, proves that it answers as it should, and pushes it."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from ..common import files
from ..common.errors import ProjectError
from ..contract.params import Params
from ..model.scorer import read_manifest
from ..registry.command import fetch
from ..registry.registration import CHALLENGER
from ..serving.client import Client
from ..serving.smoke import check
from . import bento, sbom
from .engine import Engine
from .labels import annotations, lineage, when
from .overlay import BUILT

BILL = Path("build/sbom.cdx.json")
PARAMS = Path("params.yaml")
CONTAINERFILE = Path("deploy/Containerfile")
PROBE = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.machine(), platform.libc_ver()[0])"


def build(which: str) -> dict[str, Any]:
    """Build the image of a version, by number or alias, and return what is known of it.

    It gets its name only after it has given the golden answers: an image with that name is one that works.
    """
    engine, (repository, base) = Engine.find(), _settings()
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        model, context = Path(scratch) / "model", Path(scratch) / "context"
        facts = fetch(which, model)
        if facts is None:
            raise ProjectError(f"the registry has no version {which!r}: `make register` makes one")
        created = when()
        labels = lineage(facts, read_manifest(model), created)
        python, machine = _probe(engine, base)
        bento.pack(model, labels, created, {"base_image": base, "python_version": python}, context / "bento")
        bento.install(context / "packages", python, machine)
        shutil.copy(CONTAINERFILE, context / "Containerfile")
        candidate, name = f"{repository}:candidate", f"{repository}:v{labels['version']}"
        engine.build(context, candidate, base, annotations(labels, base), created)
        ready = prove(engine, candidate, model)
        engine("tag", candidate, name)
        engine("rmi", candidate)
        found = engine.inspect(name)
        identity = f"sha256:{found['Id'].removeprefix('sha256:')}"
        system = engine("run", "--rm", "--network=none", name, *sbom.DEBIAN)
        files.write_json(BILL, sbom.document(identity, labels["created"], context / "packages", model, system))
    known = {"name": name, "id": identity, "bytes": found["Size"], "ready_seconds": round(ready, 1), "labels": labels}
    files.write_json(BUILT, known)
    return known


def prove(engine: Engine, image: str, model: Path) -> float:
    """Return the seconds until *image* was ready; raises ProjectError unless it gives the golden answers of *model*."""
    begun = time.monotonic()
    with engine.running(image) as url:
        client = Client(url)
        client.wait()
        ready = time.monotonic() - begun
        check(client, files.read_json(model / "golden.json"))
    return ready


def _settings() -> tuple[str, str]:
    wanted = Params.load(PARAMS).image
    return (os.environ.get("IMAGE_REPOSITORY") or wanted.repository).lower(), wanted.base


def _probe(engine: Engine, base: str) -> tuple[str, str]:
    """Return version and processor of the Python in *base*."""
    python, machine, libc = engine("run", "--rm", "--network=none", base, "python3", "-c", PROBE).split(" ")
    if libc != "glibc":
        raise ProjectError(f"{base} has no glibc, which onnxruntime needs: take a python image with slim in its name")
    return python, machine


@click.group()
def main() -> None:
    """Build, prove and push the scoring image."""


@main.command(name="build")
@click.argument("version", default=CHALLENGER)
def _build(version: str) -> None:
    """Build the image of VERSION (a number or an alias) and prove that it answers as that model does."""
    made = build(version)
    click.echo(f"{made['name']}: gave the golden answers, read-only and without privileges")
    click.echo(f"{made['bytes'] / 1e6:.0f} MB, ready after {made['ready_seconds']} s, {made['id']}")
    click.echo(f"what is in it: {BILL}")


@main.command(name="push")
def _push() -> None:
    """Push the image that was built last, and note its digest in the registry of images."""
    if not BUILT.is_file():
        raise ProjectError("no image was built yet: `make image` builds one")
    made = files.read_json(BUILT)
    repository = made["name"].rpartition(":")[0]
    if repository.startswith("localhost/"):
        raise ProjectError(
            f"{repository} is on this machine only: name a registry in params.yaml (image.repository), or in "
            "IMAGE_REPOSITORY, as in ghcr.io/owner/name; then `make image push`"
        )
    pushed = Engine.find().push(made["name"])
    files.write_json(BUILT, {**made, "repository": repository, "digest": pushed})
    click.echo(f"{repository}@{pushed}")


@main.command(name="base")
@click.argument("name", required=False)
def _base(name: str | None) -> None:
    """Pull the base image NAME (default: the tag in params.yaml) and pin it there by its digest of today."""
    engine, tag = Engine.find(), name or _settings()[1].partition("@")[0]
    engine("pull", tag)
    pinned = engine.inspect(tag)["RepoDigests"][0].partition("@")[2]
    files.set_line(PARAMS, "base", f"{tag}@{pinned}")
    click.echo(f"{PARAMS}: {tag}@{pinned}")
