"""Builds the scoring image of a version, verifies its predictions, and pushes it."""

import os
import re
import secrets
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..common import files
from ..common.errors import ProjectError
from ..contract.params import Params
from ..model.scorer import read_manifest
from ..registry.command import fetch
from ..registry.registration import CHALLENGER
from ..registry.versions import VersionFacts
from ..serving.client import Client
from ..serving.smoke import check
from . import bento, sbom
from .engine import Engine
from .labels import annotations, commit_time, lineage
from .overlay import BUILT

SBOM_FILE = Path("build/sbom.cdx.json")
PARAMS = Path("params.yaml")
CONTAINERFILE = Path("deploy/Containerfile")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as images and nodes are labelled, by what Python calls them
PROBE_SCRIPT = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.machine(), platform.libc_ver()[0])"


def build(which: str) -> dict[str, Any]:
    """Build the image of a version, by number or alias, for each platform in IMAGE_PLATFORM; return its metadata.

    An image is tagged with its name only after it has reproduced the reference predictions (golden rows).
    """
    platforms = re.findall(r"[^\s,]+", os.environ.get("IMAGE_PLATFORM", "")) or [""]
    engine = Engine.find()
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        model = Path(scratch) / "model"
        facts = fetch(which, model)
        if facts is None:
            raise ProjectError(f"the registry has no version {which!r}: run `make register` to register a model")
        images = [
            _build_verified(
                replace(engine, platform=platform), facts, model, Path(scratch) / f"{number}", len(platforms) > 1
            )
            for number, platform in enumerate(platforms)
        ]
    names = {image["labels"]["platform"]: image["name"] for image in images}
    labels = images[0]["labels"] | {"platform": "+".join(names)}
    built = images[0] | {"name": f"{_settings()[0]}:v{facts.version}", "labels": labels, "images": names}
    files.write_json(BUILT, built)
    return built


def _build_verified(engine: Engine, facts: VersionFacts, model: Path, context: Path, several: bool) -> dict[str, Any]:
    """Build and verify the image of one platform, and return its metadata."""
    (repository, base), created = _settings(), commit_time()
    python, machine = _python_of(engine, base)
    labels = lineage(facts, read_manifest(model), created, f"linux/{ARCHITECTURES.get(machine, machine)}")
    bento.pack(model, labels, created, {"base_image": base, "python_version": python}, context / "bento")
    bento.install(context / "packages", python, machine)
    shutil.copy(CONTAINERFILE, context / "Containerfile")
    name = f"{repository}:v{facts.version}" + (f"-{labels['platform'].replace('/', '-')}" if several else "")
    candidate = f"{name}-{secrets.token_hex(4)}"  # a concurrent build has another one
    engine.build(context, candidate, base, annotations(labels, base), created)
    try:
        ready = verify(engine, candidate, model)
        engine("tag", candidate, name)
    finally:
        engine("rmi", candidate)
    details, system = engine.inspect(name), engine.run(name, *sbom.DPKG_QUERY)
    identity = f"sha256:{details['Id'].removeprefix('sha256:')}"
    bill = sbom.document(identity, labels["created"], context / "packages", model, system)
    files.write_json(SBOM_FILE.with_suffix(f".{machine}.json") if several else SBOM_FILE, bill)
    return {"name": name, "id": identity, "bytes": details["Size"], "ready_seconds": round(ready, 1), "labels": labels}


def verify(engine: Engine, image: str, model: Path) -> float:
    """Verify that *image* reproduces the golden rows of *model*; return the seconds until it was ready."""
    start = time.monotonic()
    with engine.running(image) as url:
        client = Client(url)
        client.wait()
        ready = time.monotonic() - start
        check(client, files.read_json(model / "golden.json"))
    return ready


def _settings() -> tuple[str, str]:
    settings = Params.load(PARAMS).image
    return (os.environ.get("IMAGE_REPOSITORY") or settings.repository).lower(), settings.base


def _python_of(engine: Engine, base: str) -> tuple[str, str]:
    """Return the Python version and the machine type of the image *base*."""
    python, machine, libc = engine.run(base, "python3", "-c", PROBE_SCRIPT).split(" ")
    if libc != "glibc":
        raise ProjectError(f"{base} has no glibc, which onnxruntime needs: use a python image with `slim` in its name")
    return python, machine


@click.group()
def main() -> None:
    """Build, verify and push the scoring image."""


@main.command(name="build")
@click.argument("version", default=CHALLENGER)
def _build(version: str) -> None:
    """Build the image of VERSION (a number or an alias) and verify its predictions."""
    built = build(version)
    click.echo(f"{built['name']}: verified: reproduces the golden rows, read-only and without privileges")
    click.echo(f"{built['bytes'] / 1e6:.0f} MB, ready after {built['ready_seconds']} s, {built['id']}")
    click.echo(f"software bill of materials: {SBOM_FILE}")


@main.command(name="push")
def _push() -> None:
    """Push the most recently built image and record its digest."""
    if not BUILT.is_file():
        raise ProjectError("no image was built yet: run `make image`")
    built = files.read_json(BUILT)
    repository = built["name"].rpartition(":")[0]
    if repository.startswith("localhost/"):
        raise ProjectError(
            f"{repository} has no registry to push to: set one in params.yaml (image.repository) or in "
            "IMAGE_REPOSITORY, for example ghcr.io/owner/name, then run `make image push-image`"
        )
    engine, images = Engine.find(), built["images"]
    pushed = engine.push_manifest(built["name"], images) if len(images) > 1 else engine.push(built["name"])
    files.write_json(BUILT, {**built, "repository": repository, "digest": pushed})
    click.echo(f"{repository}@{pushed}")


@main.command(name="base")
@click.argument("name", required=False)
def _base(name: str | None) -> None:
    """Pull the base image NAME (default: the tag in params.yaml) and pin its current digest in params.yaml."""
    engine, tag = Engine.find(), name or _settings()[1].partition("@")[0]
    engine("pull", tag)
    pinned = engine.inspect(tag)["RepoDigests"][0].partition("@")[2]
    files.set_line(PARAMS, "base", f"{tag}@{pinned}")
    click.echo(f"{PARAMS}: {tag}@{pinned}")
