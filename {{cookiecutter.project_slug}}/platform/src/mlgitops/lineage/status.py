"""What runs where since when, how good it is, and what is open: from git, the reports, and GitHub where it is there."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common import project
from ..common.errors import ProjectError
from ..github import api, production, tags
from ..github.production import Declaration
from ..github.tags import Release
from ..monitoring.production import Production
from ..monitoring.report import Drift
from ..store.git import git

PERFORMANCE, DRIFT = Path("reports/production.json"), Path("reports/drift.json")
MAX_OPEN = 30
NO_REMOTE = "this repository has no remote: nothing was released, and GitHub is not asked"
NO_PROGRAM = "the GitHub CLI (gh) is not installed"


@dataclass(frozen=True)
class Environment:
    """What git declares for an environment: version and image since a time, approved by a commit; None: nothing."""

    name: str
    version: str | None = None
    image: str | None = None
    since: str | None = None
    approval: str | None = None
    commit: str | None = None


@dataclass(frozen=True)
class Item:
    """An open pull request or issue."""

    kind: str
    number: int
    title: str
    url: str
    since: str


@dataclass(frozen=True)
class Status:
    """The state of a project at a time; *unasked* says why nothing is known of what is open, if it is not."""

    name: str
    at: str
    environments: tuple[Environment, ...]
    releases: tuple[Release, ...]
    declared: tuple[Declaration, ...]
    performance: Production | None
    drift: Drift | None
    items: tuple[Item, ...]
    unasked: str

    def version_of(self, image: str) -> str | None:
        """Return the version whose image this is."""
        return next((release.version for release in self.releases if release.image == image), None)


def status(now: datetime | None = None) -> Status:
    """Return the present status; without a remote, GitHub or reports, what is known without them."""
    releases, declared = list[Release](), list[Declaration]()
    if git("remote"):
        api.fetch()
        releases, declared = tags.releases(), production.history()
    items, unasked = _open() if git("remote") else ((), NO_REMOTE)
    state = Status(
        name=project.name(),
        at=(now or datetime.now(UTC)).isoformat(timespec="minutes"),
        environments=(_staging(releases), _production(declared, releases)),
        releases=tuple(releases),
        declared=tuple(reversed(declared)),
        performance=None,
        drift=None,
        items=items,
        unasked=unasked,
    )
    return with_reports(state)


def with_reports(state: Status) -> Status:
    """Return the status with the last reports of performance and drift, where they are there."""
    performance = Production.load(PERFORMANCE) if PERFORMANCE.is_file() else None
    return replace(state, performance=performance, drift=Drift.load(DRIFT) if DRIFT.is_file() else None)


def _staging(releases: list[Release]) -> Environment:
    if not releases:
        return Environment("staging")
    newest = releases[0]
    name = f"{tags.PREFIX}{newest.version}"
    return Environment("staging", newest.version, newest.image, day(newest.created), f"tag {name}", None)


def _production(declared: list[Declaration], releases: list[Release]) -> Environment:
    if not declared:
        return Environment("production")
    last = declared[-1]
    version = next((release.version for release in releases if release.image == last.image), None)
    return Environment("production", version, last.image, last.at[:16], last.subject, last.commit)


def day(seconds: int) -> str:
    """Return a Unix time as date and time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")[:16]


def _open() -> tuple[tuple[Item, ...], str]:
    """Return the open pull requests and issues, the newest first, or why they are not known; nobody is named."""
    if not shutil.which("gh"):
        return (), NO_PROGRAM
    try:
        entries: list[dict[str, Any]] = api.api(f"/issues?state=open&per_page={MAX_OPEN}") or []
    except ProjectError as error:
        return (), f"GitHub did not answer: {error.message.splitlines()[0]}"
    return tuple(
        Item(
            "pull request" if "pull_request" in entry else "issue",
            int(entry["number"]),
            str(entry["title"]),
            str(entry["html_url"]),
            str(entry["created_at"])[:10],
        )
        for entry in entries
    ), ""
