"""How well prediction intervals fit the rows that they were measured on."""

from dataclasses import dataclass

from ..common.record import Record


@dataclass(frozen=True)
class Coverage(Record):
    """The share of rows whose number is in its interval, and the width of the intervals."""

    covered: float
    width: float
