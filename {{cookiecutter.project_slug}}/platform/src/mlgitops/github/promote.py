"""Puts a version into production: by a pull request if it has an image, otherwise in the registry only."""

import re
from collections.abc import Callable

import click

from ..common.errors import ProjectError
from ..image.overlay import pin
from ..review import shadow
from ..store.git import git, work_tree
from . import api, production, signatures, tags
from .going_back import PREVIOUS
from .production import OVERLAY
from .tags import Release
from .write_back import because

VERSION = re.compile(r"v?[1-9][0-9]{0,8}|[a-z][a-z0-9_-]{0,60}")


def propose(release: Release, reason: str = "", evidence: Callable[[str], str] | None = None) -> str:
    """Open a pull request that deploys *release* to production; return its URL, or the reason why none is needed.

    *evidence* returns what the pull request says of a version beside its review.

    Raises ProjectError unless the workflow `release` on main has signed the image.
    """
    api.fetch()
    now = production.declared()
    if now == release.image:
        return f"production runs version {release.version} already"
    signatures.verify(release.image)
    before = next((other.version for other in tags.releases() if other.image == now), None)
    branch = f"promote/v{release.version}"
    title = f"Production: version {release.version}" + (f" instead of {before}" if before else "")
    with work_tree(api.MAIN) as tree:
        git("checkout", "--quiet", "--", OVERLAY, cwd=tree)
        pin(tree / OVERLAY, release.image, release.facts.get("platform"))
        git("commit", "--quiet", "--no-verify", "-m", title, "--", OVERLAY, cwd=tree)
        git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}", cwd=tree)
    return api.propose(branch, title, _body(release, before, reason, evidence(release.version) if evidence else ""))


def _body(release: Release, before: str | None, reason: str, evidence: str = "") -> str:
    facts = "\n".join(f"| {name} | `{value}` |" for name, value in ({"image": release.image} | release.facts).items())
    parts = [
        reason,
        f"Merging this pull request deploys version {release.version}"
        + (f"; reverting the merge restores version {before}." if before else "."),
        f"| | |\n| --- | --- |\n{facts}",
        evidence,
        f"### Review of this version\n\n{release.review}" if release.review else "",
    ]
    return "\n\n".join(filter(None, parts))


@click.command()
@click.argument("version", default="challenger")
@click.option("--back", is_flag=True, help="Deploy the image that production ran before, instead of VERSION.")
def main(version: str, back: bool) -> None:
    """Put VERSION (a number, an alias, or `previous`) into production."""
    api.require_main("promote")
    back = back or version == PREVIOUS
    if not VERSION.fullmatch(version):
        raise ProjectError(f"{version!r} is no version: give a number such as 7, or an alias such as challenger")
    if git("remote"):
        api.fetch()
        if back and production.declared():
            click.echo(propose(tags.of_image(production.previous()), because().strip()))
            return
    _promote(version, back)


def _promote(version: str, back: bool) -> None:
    """Propose the version that the registry names, or change the registry alone if it has no pushed image."""
    from ..registry import command as registry  # MLflow takes seconds to import

    number = registry.previous() if back else registry.number(version)
    release = tags.find(number)
    if release:
        click.echo(propose(release, evidence=None if back else shadow.section))
        return
    click.echo(f"version {number} has no pushed image, so only the registry changes")
    if back:
        click.echo(f"version {registry.rollback()} is the champion again")
    else:
        number, changed = registry.promote(number)
        click.echo(f"version {number} is {'now' if changed else 'already'} the champion")
