"""What main declares for production: the image in its overlay, now and before. An old checkout has no say in it."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..common.errors import ProjectError
from ..image.overlay import OVERLAY_FILE, OVERLAYS, pinned
from ..store.git import git
from . import api

OVERLAY = (OVERLAYS / "production" / OVERLAY_FILE).as_posix()
DEPLOY = "deploy"


def declared() -> str | None:
    """Return the image that main declares for production, or None if it has none yet."""
    return pinned(git("show", f"{api.MAIN}:{OVERLAY}") or "")


@dataclass(frozen=True)
class Declaration:
    """A commit of main that let production run an image: when, by whom, and its subject line."""

    image: str
    commit: str
    at: str
    by: str
    subject: str


def history() -> list[Declaration]:
    """Return what main has declared for production in turn, the oldest first.

    Each is a commit of main itself: a merge, a squashed pull request, or a revert made on GitHub's page.
    """
    options = ("--first-parent", "--reverse", "--format=%H%x00%ct%x00%an%x00%s")
    declarations: list[Declaration] = []
    for line in (git("log", *options, api.MAIN, "--", OVERLAY) or "").splitlines():
        commit, at, by, subject = line.split("\0")
        image = _image_in(commit)
        if image and (not declarations or declarations[-1].image != image):
            since = datetime.fromtimestamp(int(at), UTC).isoformat()
            declarations.append(Declaration(image, commit, since, by, subject))
    return declarations


def declarations() -> list[str]:
    """Return the images that main has declared for production in turn, the oldest first."""
    return [declaration.image for declaration in history()]


def _image_in(commit: str) -> str | None:
    """Return the image that a commit declares; None if it has no readable overlay, as a commit of the past may not."""
    text = git("show", f"{commit}:{OVERLAY}", fails=("does not exist", "exists on disk, but not in"))
    try:
        return pinned(text) if text else None
    except ProjectError:
        return None


def line(images: list[str]) -> list[str]:
    """Return the images that a rollback can go back to, and, as the last entry, the present one.

    A declaration of an image that the line contains goes back to it, whoever made it and however.
    """
    champions: list[str] = []
    for image in images:
        if image in champions:
            del champions[champions.index(image) + 1 :]
        else:
            champions.append(image)
    return champions


def previous() -> str:
    """Return the image that production ran before the present one; raises ProjectError if there is none."""
    champions = line(declarations())
    if len(champions) < 2:
        raise ProjectError(
            f"production has run nothing before {champions[0]}: promote another version"
            if champions
            else "production runs nothing yet: promote a version"
        )
    return champions[-2]


def went_back() -> bool:
    """Return whether the present declaration is a rollback."""
    images = declarations()
    return images[-1:] != [] and images[-1] in line(images[:-1])


@contextmanager
def manifests() -> Iterator[Path]:
    """Yield a copy of the folder deploy/ of main."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "deploy.tar"
        git("archive", f"--output={archive}", api.MAIN, DEPLOY)
        with tarfile.open(archive) as files:
            files.extractall(scratch, filter="data")
        yield Path(scratch) / DEPLOY
