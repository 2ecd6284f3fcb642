"""Puts a version into production, forwards or back: by a pull request where images run, else in the registry at once."""

import re
import tempfile
from pathlib import Path

import click

from ..config import ProjectError
from ..git import git
from . import hub, tags
from .tags import Release

OVERLAY = "deploy/overlays/production/kustomization.yaml"
NOTHING = "0" * 64  # the digest of an overlay that nothing was promoted to


def pinned(text: str) -> str | None:
    """Return the image that the text of an overlay names, or None where it names none yet."""
    name, digest = (re.search(rf"(?m)^ *{key}: *(\S+)", text) for key in ("newName", "digest"))
    if not name or not digest:
        raise ProjectError(f"{OVERLAY}: newName and digest of the image are missing")
    return None if digest[1].endswith(NOTHING) else f"{name[1]}@{digest[1]}"


def propose(release: Release, why: str = "") -> str:
    """Open the pull request that makes production run *release*; return its address, or why there is none."""
    hub.fetch()
    now = pinned(git("show", f"origin/{hub.DEFAULT}:{OVERLAY}") or "")
    if now == release.image:
        return f"production runs version {release.version} already"
    before = next((one.version for one in tags.every() if one.image == now), None)
    branch = f"promote/v{release.version}"
    title = f"Production: version {release.version}" + (f" instead of {before}" if before else "")
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "main"  # of its own: whatever lies in the work tree stays there
        git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(tree), f"origin/{hub.DEFAULT}")
        try:
            git("reset", "--quiet", cwd=tree)
            git("checkout", "--quiet", "--", OVERLAY, cwd=tree)
            _pin(tree / OVERLAY, release.image)
            git("commit", "--quiet", "--no-verify", "-m", title, "--", OVERLAY, cwd=tree)
            git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}", cwd=tree)
        finally:
            git("worktree", "remove", "--force", str(tree))
    return hub.propose(branch, title, _body(release, before, why))


def _pin(path: Path, image: str) -> None:
    text, (name, _, digest) = path.read_text(encoding="utf-8"), image.partition("@")
    for key, value in (("newName", name), ("digest", digest)):
        text = re.sub(rf"(?m)^( *{key}: *)\S+", lambda found, value=value: found[1] + value, text)
    path.write_text(text, encoding="utf-8")


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
    from .. import registry  # MLflow takes seconds to import

    number = registry.previous() if back else registry.number(version)
    hub_reached = git("remote", fails=("",))
    if hub_reached:
        hub.fetch()
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


if __name__ == "__main__":
    main()
