"""The tags model/vN: which image is version N, where it comes from, and why it was accepted. They never move."""

import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..common import files, project
from ..common.errors import ProjectError
from ..image.overlay import IMAGE, checked
from ..store.git import git, push_ref
from . import api

PREFIX = "model/v"
NUMBER = re.compile(r"[1-9][0-9]{0,8}")
FACT = re.compile(r"\w{1,40}: [\w.:@/+-]{1,300}")
FOREIGN = """{name} is no tag of the workflow `release`: {reason}.
Look who pushed it. To remove it: git push origin :refs/tags/{name} (the rules in .github/rulesets protect tags)"""


@dataclass(frozen=True)
class Release:
    """A version whose image was pushed, as recorded in its tag; *created* is the Unix time of the tag."""

    version: str
    image: str
    facts: dict[str, str]
    review: str
    created: int = field(default=0, compare=False)


def create(version: str, image: str, facts: dict[str, str], review: str) -> bool:
    """Tag the current commit as a version, locally and at origin; return False if the tag exists already.

    A push that another one has overtaken leaves that tag. Raises ProjectError unless the commit is one of main.
    """
    api.fetch()
    if not api.on_main("HEAD"):
        raise ProjectError(f"the current commit is not on {api.MAIN}: only commits of {api.DEFAULT} are released")
    if find(version):
        return False
    lines = [
        f"{project.name()} {version}",
        "",
        f"image: {checked(image)}",
        *(f"{name}: {value}" for name, value in facts.items()),
    ]
    name = f"{PREFIX}{version}"
    with tempfile.TemporaryDirectory() as scratch:
        message = Path(scratch) / "message"
        files.write(message, "\n".join([*lines, "", review]))
        git("tag", "--annotate", "--cleanup=verbatim", "--file", str(message), name, "HEAD")
    if not _push(name):
        git("tag", "--delete", name)
        api.fetch()
        return False
    return True


def _push(name: str) -> bool:
    """Push a tag, with the deploy key in RELEASE_KEY if there is one: the rules let nobody else create it."""
    refspec, key = f"refs/tags/{name}", os.environ.get("RELEASE_KEY")
    if not key:
        return push_ref("origin", refspec)
    host = os.environ.get("GITHUB_SERVER_URL", "https://github.com").partition("://")[2]
    with tempfile.TemporaryDirectory() as scratch:
        identity = Path(scratch) / "key"
        identity.touch(mode=0o600)
        files.write(identity, key.strip() + "\n")
        ssh = f"core.sshCommand=ssh -i '{identity}' -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new"
        return push_ref(f"git@{host}:{api.repository()}.git", refspec, config=("-c", ssh))


def find(version: str) -> Release | None:
    """Return the release of a version, or None if it has no tag; raises ProjectError if `release` did not make it."""
    number = version.removeprefix("v")
    name = f"{PREFIX}{number}"
    if not NUMBER.fullmatch(number) or not _exists(name):
        return None
    text = git("for-each-ref", "--format=%(objecttype)%0a%(taggerdate:unix)%0a%(contents)", f"refs/tags/{name}") or ""
    kind, created, message = [*text.split("\n", 2), "", ""][:3]
    _, header, review = [*message.split("\n\n", 2), "", ""][:3]
    facts = dict(line.split(": ", 1) for line in header.splitlines() if FACT.fullmatch(line))
    image = facts.pop("image", "")
    if kind != "tag" or not IMAGE.fullmatch(image):
        raise ProjectError(FOREIGN.format(name=name, reason=f"its message names no image by its digest: {image!r}"))
    if not api.on_main(f"refs/tags/{name}^{{commit}}"):
        raise ProjectError(FOREIGN.format(name=name, reason=f"its commit is not on {api.MAIN}"))
    return Release(number, image, facts, review, int(created or 0))


def _exists(name: str) -> bool:
    return git("rev-parse", "--verify", "--quiet", f"refs/tags/{name}", fails=("",)) is not None


def releases() -> list[Release]:
    """Return all releases, newest first; a tag that `release` did not make is reported and left out."""
    names = (git("tag", "--list", f"{PREFIX}*", "--sort=-version:refname") or "").split()
    releases = []
    for name in names:
        try:
            releases.append(find(name.removeprefix(PREFIX)))
        except ProjectError as error:
            click.echo(f"ignored: {error.message}", err=True)
    return [release for release in releases if release]


def of_image(image: str) -> Release:
    """Return the release of an image; raises ProjectError if there is none."""
    match = next((release for release in releases() if release.image == image), None)
    if match is None:
        raise ProjectError(
            f"no tag {PREFIX}* has the image {image}: only images that `release` has tagged are deployed"
        )
    return match
