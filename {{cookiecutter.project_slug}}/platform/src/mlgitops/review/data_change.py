"""How the data changed from champion to candidate: the records, which hold no rows."""

from dataclasses import dataclass

from ..common.record import Record
from ..data.distribution import Shift


@dataclass(frozen=True)
class RowChange(Record):
    """Rows of both tables, identified by *key*; without a key whole rows are compared, and none counts as changed.

    *moved* rows are in both tables, and changed from the train part to the test part or back.
    """

    key: tuple[str, ...]
    added: int
    gone: int
    changed: int | None
    moved: int


@dataclass(frozen=True)
class BinChange(Record):
    """The share of rows in a bin of a column."""

    label: str
    before: float
    after: float


@dataclass(frozen=True)
class ColumnShift(Record):
    """The change of a column's distribution; *shifted*: it is notable, and above what chance explains.

    *lost* and *gained* values are those that chance cannot explain; *bins* are of the columns that are drawn.
    """

    name: str
    shift: Shift
    shifted: bool
    missing_before: float
    missing: float
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    bins: tuple[BinChange, ...]


@dataclass(frozen=True)
class TargetChange(Record):
    """The share of a *label* of the target, the positive one of two or the one that changed most; or the mean."""

    column: str
    label: str | None
    before: float
    after: float
    beyond_chance: bool


@dataclass(frozen=True)
class PartChange(Record):
    """The train or the test part; columns that shifted most are the first. *empty* columns lost all their values."""

    name: str
    before: int
    after: int
    period_before: str | None
    period: str | None
    target: TargetChange | None
    empty: tuple[str, ...]
    columns: tuple[ColumnShift, ...]

    @property
    def shifted(self) -> tuple[ColumnShift, ...]:
        """The columns whose distribution changed."""
        return tuple(column for column in self.columns if column.shifted)


@dataclass(frozen=True)
class TypeChange(Record):
    """A column whose type in the contract changed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class DataChange(Record):
    """The change of the data in one sentence, and its parts; *note* says what could not be compared, and why."""

    sentence: str
    same: bool
    note: str | None
    rows: RowChange | None
    added: tuple[str, ...]
    gone: tuple[str, ...]
    retyped: tuple[TypeChange, ...]
    parts: tuple[PartChange, ...]
