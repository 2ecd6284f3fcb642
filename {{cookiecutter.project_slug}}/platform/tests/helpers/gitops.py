"""A small repository with an origin, whose main is as the workflows find it."""

from pathlib import Path

import yaml

from mlgitops.github.production import OVERLAY
from mlgitops.image import overlay

from . import contracts, models
from .git import git

IMAGES = [f"registry.example.org/team/model@sha256:{digit * 64}" for digit in "123"]


def project(origin: Path, folder: Path) -> Path:
    """Return *folder*, a small repository in which the package works; its main was pushed to *origin*."""
    git("clone", "--quiet", str(origin), str(folder), cwd=origin.parent)
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        git("config", name, value, cwd=folder)
    models.write_project(folder, contracts.example())
    lock(folder, train="1", export="1")
    empty_overlay(folder / OVERLAY)
    git("checkout", "--quiet", "-b", "main", cwd=folder)
    push(folder, "Start")
    return folder


def push(folder: Path, message: str) -> str:
    """Commit everything in *folder*, push it to main, and return the commit."""
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "-m", message, cwd=folder)
    git("push", "--quiet", "origin", "HEAD:main", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


def declare(folder: Path, image: str) -> str:
    """Let main declare *image* for production, and return the commit."""
    overlay.pin(folder / OVERLAY, image)
    return push(folder, f"Production: {image[-8:]}")


def empty_overlay(path: Path) -> None:
    """Write an overlay that runs nothing yet."""
    path.parent.mkdir(parents=True)
    image = f"images:\n  - name: scoring\n    newName: localhost/x\n    digest: {overlay.NO_DIGEST}\n"
    path.write_text(f"{image}patches:\n  - patch: |-\n      {overlay.ARCHITECTURE}: amd64\n", encoding="utf-8")


def lock(folder: Path, **stages: str) -> None:
    """Write a dvc.lock whose stages have these commands."""
    content = {"schema": "2.0", "stages": {name: {"cmd": value} for name, value in stages.items()}}
    (folder / "dvc.lock").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def program(folder: Path, name: str, shell: str = "") -> Path:
    """Write a program that records its arguments, a line per call, and runs *shell*; return the record."""
    path, record = folder / name, folder / f"{name}.calls"
    record.touch()
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{record}'\n{shell}\n", encoding="utf-8")
    path.chmod(0o755)
    return record
