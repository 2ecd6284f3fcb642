"""Builds the scoring image from a version of the registry, proves that it answers as it should, and pushes it."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from . import bento, files, registry, sbom
from .config import ProjectError
from .engine import Engine
from .registration import CHALLENGER
from .scorer import digest, read_manifest
from .settings import Params
from .smoke import Client, check
from .tracking import commit

BUILT = Path("build/image.json")
BILL = Path("build/sbom.cdx.json")
PARAMS = Path("params.yaml")
CONTAINERFILE = Path("deploy/Containerfile")
PATIENCE = 60  # seconds for a container to be ready
PROBE = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.machine(), platform.libc_ver()[0])"


def build(which: str) -> dict[str, Any]:
    """Build the image of a version, by number or alias, and return what is known of it.

    It gets its name only after it has given the golden answers: an image with that name is one that works.
    """
    engine, (repository, base) = Engine.find(), _settings()
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        model, context = Path(scratch) / "model", Path(scratch) / "context"
        facts = registry.fetch(which, model)
        if facts is None:
            raise ProjectError(f"the registry has no version {which!r}: `make register` makes one")
        created = _created()
        labels = lineage(facts, read_manifest(model), created)
        python, machine = _probe(engine, base)
        bento.pack(model, labels, created, {"base_image": base, "python_version": python}, context / "bento")
        bento.install(context / "packages", python, machine)
        shutil.copy(CONTAINERFILE, context / "Containerfile")
        candidate, name = f"{repository}:candidate", f"{repository}:v{labels['version']}"
        engine.build(context, candidate, base, _annotations(labels, base), created)
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
        while not client.ready():
            if time.monotonic() - begun > PATIENCE:
                raise ProjectError(f"{image} was not ready after {PATIENCE} seconds")
            time.sleep(0.1)
        ready = time.monotonic() - begun
        check(client, files.read_json(model / "golden.json"))
    return ready


def lineage(facts: dict[str, Any], manifest: dict[str, Any], created: int) -> dict[str, str]:
    """Return where an image comes from: the version of the model, and all that it and the image were made of."""
    known = {
        "version": facts["version"],
        "run": facts["run_id"],
        "commit": facts["commit"],
        "data": facts.get("train_sha256"),
        "contract": manifest["contract_sha256"],
        "model": manifest["files"]["model.onnx"],
        "lock": digest(Path("uv.lock")),
        "code": commit(),
        "created": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {name: str(value) for name, value in known.items() if value}


def _annotations(labels: dict[str, str], base: str) -> dict[str, str]:
    """Return the labels of the image: those of the OCI, and those of the model."""
    name, _, pinned = base.partition("@")
    known = {
        "title": str(__package__),
        "version": labels["version"],
        "revision": labels.get("code", ""),
        "created": labels["created"],
        "base.name": name,
        "base.digest": pinned,
    }
    standard = {f"org.opencontainers.image.{key}": value for key, value in known.items() if value}
    return standard | {f"model.{key}": value for key, value in labels.items()}


def _settings() -> tuple[str, str]:
    wanted = Params.load(PARAMS).image
    return os.environ.get("IMAGE_REPOSITORY") or wanted.repository, wanted.base


def _created() -> int:
    """Return the time of the commit, in seconds: the same commit gives the same image, whenever it is built."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    if said:
        return int(said)
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, encoding="utf-8")
    return int(shown.stdout or 0)


def _probe(engine: Engine, base: str) -> tuple[str, str]:
    """Return version and processor of the Python in *base*."""
    python, machine, libc = engine("run", "--rm", "--network=none", base, "python3", "-c", PROBE).split(" ")
    if libc != "glibc":
        raise ProjectError(f"{base} has no glibc, which onnxruntime needs: take a python image with slim in its name")
    return python, machine


def replace(path: Path, key: str, value: str) -> None:
    """Give *key*, which is on one line of a YAML file, another value; comments stay."""
    text = path.read_text(encoding="utf-8")
    changed, times = re.subn(rf"(?m)^([ -]*{key}: *)[^\s#]+", rf"\g<1>{value}", text)
    if times != 1:
        raise ProjectError(f"{path}: `{key}:` is on {times} lines instead of one: correct it by hand")
    path.write_text(changed, encoding="utf-8")


@click.group()
def main() -> None:
    """Build, prove and push the scoring image, and say which one runs where."""


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


@main.command(name="pin")
@click.argument("overlay", type=click.Choice(["staging", "production"]))
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
    path = Path("deploy/overlays") / overlay / "kustomization.yaml"
    name, _, digested = image.partition("@")
    replace(path, "newName", name)
    replace(path, "digest", digested)
    click.echo(f"{path}: {image}; commit it to deploy it")


@main.command(name="base")
@click.argument("name", required=False)
def _base(name: str | None) -> None:
    """Pull the base image NAME (default: the tag in params.yaml) and pin it there by its digest of today."""
    engine, tag = Engine.find(), name or _settings()[1].partition("@")[0]
    engine("pull", tag)
    pinned = engine.inspect(tag)["RepoDigests"][0].partition("@")[2]
    replace(PARAMS, "base", f"{tag}@{pinned}")
    click.echo(f"{PARAMS}: {tag}@{pinned}")


if __name__ == "__main__":
    main()
