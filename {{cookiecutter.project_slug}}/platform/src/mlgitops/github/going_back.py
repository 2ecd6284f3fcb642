"""Whether the version that an alarm is about can be rolled back: since when it runs, and what ran before it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ..common.errors import ProjectError
from ..store.git import git
from . import api, production, tags

PREVIOUS = "previous"  # the version that `promote` takes for the one before


@dataclass(frozen=True)
class GoingBack:
    """The version in production, since when main declares it, and the version before it."""

    version: str
    since: datetime
    before: str
    again: bool  # it runs because production went back already

    def due(self, now: datetime, days: int | None) -> bool:
        """Return whether an alarm rolls back by itself: in *days* after the deployment, and never twice in a row."""
        return days is not None and not self.again and (now - self.since).days < days

    @property
    def sentence(self) -> str:
        """When rolling back helps."""
        return f"version {self.before} was better: version {self.version} runs since {self.since.date()}"


def find(version: str | None) -> GoingBack | None:
    """Return how to go back from *version*; None if production does not run it, or has run nothing before."""
    if version is None or not git("remote", fails=("not a git repository",)):
        return None
    try:
        api.fetch()
        image = production.declared()
        if image is None or tags.of_image(image).version != version:
            return None
        before = tags.of_image(production.previous()).version
    except ProjectError:  # an alarm is reported, whatever is wrong with the declarations
        return None
    seconds = git("log", "-1", "--first-parent", "--format=%ct", api.MAIN, "--", production.OVERLAY)
    return GoingBack(version, datetime.fromtimestamp(int(seconds or 0), UTC), before, production.went_back())


def start(reason: str) -> None:
    """Start the workflow that opens the pull request with the version before."""
    inputs = {"version": PREVIOUS, "because": reason}
    api.api("/actions/workflows/promote.yml/dispatches", "POST", {"ref": api.DEFAULT, "inputs": inputs})
