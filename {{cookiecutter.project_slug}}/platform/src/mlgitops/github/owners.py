"""Who must approve a change: the owners in .github/CODEOWNERS, who are those that can write to the repository."""

import re
from pathlib import Path

from ..common import files
from ..common.errors import ProjectError
from ..common.project import root
from . import api

CODEOWNERS = Path(".github/CODEOWNERS")
EVERYTHING = re.compile(r"^\*(?: .*|)$", re.MULTILINE)
OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_.-]+)?")
WRITE = ("push", "maintain", "admin")


def people() -> list[str]:
    """Return everybody who can write to the repository, as @user."""
    collaborators, page = [], 1
    while entries := api.api(f"/collaborators?per_page=100&page={page}"):
        collaborators += [f"@{entry['login']}" for entry in entries if entry["permissions"]["push"]]
        page += 1
    return sorted(collaborators)


def _teams() -> list[str]:
    """Return the teams of an organization that can write to the repository, as @organization/team."""
    organization = api.api("")["owner"]["login"]
    teams = api.api("/teams?per_page=100", missing=("Not Found",)) or []
    return sorted(f"@{organization}/{team['slug']}" for team in teams if team["permission"] in WRITE)


def write(owner: str | None, collaborators: list[str]) -> str:
    """Write the owners of every file: *owner*, or else the teams, or else the *collaborators*; return a message.

    Owners that are there stay, unless *owner* replaces them.
    """
    path = root() / CODEOWNERS
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    line = EVERYTHING.search(text)
    if not line or (line[0] != "*" and not owner):
        return f"{CODEOWNERS}: {line[0]}, as before" if line else f"{CODEOWNERS} has no line for every file: unchanged"
    names = owner.split() if owner else _teams() or collaborators
    if not names or not all(OWNER.fullmatch(name) for name in names):
        raise ProjectError(f"{owner!r} owns nothing: name who approves changes: setup-github OWNER=@organization/team")
    new = " ".join(["*", *names])
    files.write(path, text[: line.start()] + new + text[line.end() :])
    return f"{CODEOWNERS}: {new}; commit it" if new != line[0] else f"{CODEOWNERS}: {new}, as before"
