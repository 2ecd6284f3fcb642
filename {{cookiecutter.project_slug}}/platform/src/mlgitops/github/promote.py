"""Puts a version into production, forwards or back: by a pull request where images run, else in the registry."""

import tempfile
from pathlib import Path

import click

from ..image.overlay import OVERLAY_FILE, OVERLAYS, pin, pinned
from ..store.git import git
from . import api, tags
from .tags import Release

OVERLAY = (OVERLAYS / "production" / OVERLAY_FILE).as_posix()


def propose(release: Release, why: str = "") -> str:
    """Open the pull request that makes production run *release*; return its address, or why there is none."""
    api.fetch()
    now = pinned(git("show", f"origin/{api.DEFAULT}:{OVERLAY}") or "")
    if now == release.image:
        return f"production runs version {release.version} already"
    before = next((one.version for one in tags.every() if one.image == now), None)
    branch = f"promote/v{release.version}"
    title = f"Production: version {release.version}" + (f" instead of {before}" if before else "")
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "main"  # of its own: whatever lies in the work tree stays there
        git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(tree), f"origin/{api.DEFAULT}")
        try:
            git("reset", "--quiet", cwd=tree)
            git("checkout", "--quiet", "--", OVERLAY, cwd=tree)
            pin(tree / OVERLAY, release.image)
            git("commit", "--quiet", "--no-verify", "-m", title, "--", OVERLAY, cwd=tree)
            git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}", cwd=tree)
        finally:
            git("worktree", "remove", "--force", str(tree))
    return api.propose(branch, title, _body(release, before, why))


def _body(release: Release, before: str | None, why: str) -> str:
    facts = "\n".join(f"| {name} | `{value}` |" for name, value in ({"image": release.image} | release.facts).items())
    parts = [
        why,
        f"Merging this deploys version {release.version}"
        + (f"; reverting that commit brings version {before} back." if before else "."),
        f"| | |\n| --- | --- |\n{facts}",
        f"### The review that accepted it\n\n{release.review}" if release.review else "",
    ]
    return "\n\n".join(filter(None, parts))


@click.command()
@click.argument("version", default="challenger")
@click.option("--back", is_flag=True, help="The champion before this one, instead of VERSION.")
def main(version: str, back: bool) -> None:
    """Put VERSION (a number or an alias) into production."""
    from ..registry import command as registry  # MLflow takes seconds to import

    number = registry.previous() if back else registry.number(version)
    if git("remote"):
        api.fetch()
    release = tags.find(number)
    if release:
        click.echo(propose(release))
        return
    click.echo(f"version {number} has no image that was pushed, so nothing runs it: the registry alone is changed")
    if back:
        click.echo(f"version {registry.rollback()} is the champion again")
    else:
        number, changed = registry.promote(number)
        click.echo(f"version {number} is {'now' if changed else 'already'} the champion")
