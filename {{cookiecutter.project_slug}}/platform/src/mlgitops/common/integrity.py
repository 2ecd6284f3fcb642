"""Whether platform/ is as the template released it: platform/SHA256 lists the digest of each of its files.

The template's hook writes the list when it makes or updates the project, in the format of `sha256sum`.
"""

import hashlib
from pathlib import Path

import click

from .project import root

LIST = "SHA256"
GENERATED = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below *folder* by its path there, without caches and the list itself."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths if not GENERATED & {*path.parts}}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in named.items() if name != LIST}


def changes(folder: Path) -> list[str]:
    """Return a line for each file below *folder* that is not as released; none where there is no list."""
    if not (folder / LIST).is_file():
        return []
    lines = (folder / LIST).read_text(encoding="utf-8").splitlines()
    released = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = digests(folder)
    return [
        f"{name}: {'added' if name not in released else 'removed' if name not in present else 'changed'}"
        for name in sorted(released.keys() | present.keys())
        if released.get(name) != present.get(name)
    ]


@click.command()
def main() -> None:
    """Warn of files in platform/ that differ from the release: an update of the template will have to merge them."""
    for line in changes(root() / "platform"):
        click.secho(f"platform/{line} here; the next update of the template has to merge it", fg="yellow", err=True)
