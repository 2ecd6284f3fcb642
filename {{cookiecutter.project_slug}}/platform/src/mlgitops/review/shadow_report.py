"""The report of a shadow: what a model would have answered, in numbers and in words."""

from dataclasses import dataclass

from ..common.record import Record
from .performance import Movement, Score
from .phrases import interval, number, signed


@dataclass(frozen=True)
class Shadow(Record):
    """A model on the newest rows that another version answered; *refused* rows break the model's own contract.

    *score* and *moved* are about the *labelled* rows, whose outcome is known; None without any. *learned* is the number
    of rows that were left out since the model may have learned from them; None where nothing says which those are.
    """

    version: str
    against: str
    metric: str
    rows: int
    refused: int
    learned: int | None
    changed_share: float | None  # of decisions; None for numbers
    mean_absolute_change: float
    labelled: int
    score: Score | None
    moved: Movement | None

    @property
    def sentences(self) -> list[str]:
        """The shadow in words."""
        kind = "prediction" if self.changed_share is None else "probability"
        change = f"the {kind} changes by {self.mean_absolute_change:.4f} on average"
        if self.changed_share is not None:
            change = f"{1 - self.changed_share:.2%} of the decisions are the same, and {change}"
        lines = [f"On the {self.rows:,} newest rows that version {self.against} answered, {change}."]
        if self.refused:
            lines.append(f"{self.refused:,} more rows would be refused: they break the contract of this model.")
        if self.learned:
            lines.append(f"{self.learned:,} older rows are left out: the model may have learned from them.")
        if self.learned is None:
            lines.append("The contract has no time: the model may have learned from these rows, so this is no proof.")
        if self.score is None:
            return [*lines, "No outcome of these rows is known yet."]
        gain = f"{signed(self.score.difference)}, 95 % interval {interval(self.score)}"
        pair = f"{self.metric} {number(self.score.candidate)} instead of {number(self.score.champion)}"
        lines.append(f"On the {self.labelled:,} rows whose outcome is known, {pair}: {gain}.")
        if self.moved and self.moved.became_right is not None:
            lines.append(f"{self.moved.became_right:,} rows become right, {self.moved.became_wrong:,} become wrong.")
        return lines
