"""A statement of the contract on the behaviour of the model, and how it was checked."""

from dataclasses import dataclass

from ..common.record import Record


@dataclass(frozen=True)
class Statement(Record):
    """The result of one statement; *holds* is None where the rows do not decide.

    *example* is the worst case, of which only the column that the statement is about is shown.
    """

    text: str
    checked: str
    violations: int
    example: str
    holds: bool | None
    enforced: bool = False
