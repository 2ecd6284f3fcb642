"""The evidence of a search, for the pull request that proposes its winner: as JSON and as Markdown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..common.record import Record
from .confirm import Comparison
from .search import describe
from .study import Trial

TOP = 10  # trials that the Markdown page lists


@dataclass(frozen=True)
class Evidence(Record):
    """What a search has tried, its best settings, and how they compare with the current ones (None: they are these)."""

    metric: str
    rows: int
    folds: int
    seconds: float
    workers: int
    commit: str
    train_sha256: str
    current: dict[str, Any]
    best: Trial
    comparison: Comparison | None
    trials: tuple[Trial, ...]
    proposed: str = ""  # the commit of the branch tune that proposes it

    @property
    def is_better(self) -> bool:
        """Whether the best settings are better than the current ones beyond noise."""
        return self.comparison is not None and self.comparison.is_better

    @property
    def title(self) -> str:
        """One line: the settings that change."""
        changes = {k: v for k, v in self.best.settings.items() if self.current.get(k) != v or k == "algorithm"}
        return f"Tune: {describe(changes)}"[:120]

    def verdict(self) -> str:
        """Return in a sentence what the search has found."""
        if self.comparison is None:
            return "The current settings are the best of the search."
        difference = self.comparison.difference
        change = (
            f"{difference.value:+.4f} {self.metric} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
        )
        if self.is_better:
            return f"The best settings are better than the current ones: {change}."
        return f"The best settings are not better than the current ones beyond noise: {change}."

    def markdown(self) -> str:
        """Return the page."""
        templates = Environment(  # noqa: S701  # Markdown
            loader=FileSystemLoader(Path(__file__).parent),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        complete = sorted((t for t in self.trials if t.score is not None), key=lambda t: -(t.score or 0.0))
        states = [trial.state for trial in self.trials]
        return templates.get_template("tuning.md.j2").render(
            evidence=self,
            top=complete[:TOP],
            describe=describe,
            count=states.count,
            names=list(dict.fromkeys([*self.current, *self.best.settings])),
        )
