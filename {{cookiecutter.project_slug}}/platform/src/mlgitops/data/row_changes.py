"""Compares the rows of two tables, by the key of the contract or by whole rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from . import frame

SHOWN = 5  # changed rows of which the key and the columns are listed


@dataclass(frozen=True)
class RowChanges:
    """What a table of new rows means for a table of old ones; all are positions of rows."""

    added: np.ndarray  # of the new rows: not in the old table
    repeated: np.ndarray  # of the new rows: in the old table, or earlier among the new ones, with the same values
    changed: np.ndarray  # of the new rows: in the old table with other values; only with a key
    replaced: np.ndarray  # of the old rows: those that `changed` replace, in the same order
    contradictory: np.ndarray  # of the new rows: their key occurs earlier among the new ones with other values
    gone: np.ndarray  # of the old rows: not among the new ones

    def counts(self) -> str:
        """Return the numbers of rows in words."""
        return f"{len(self.added):,} added, {len(self.repeated):,} repeated, {len(self.changed):,} changed"


def compare(old: pd.DataFrame, new: pd.DataFrame, contract: Contract) -> RowChanges:
    """Compare typed rows with the columns of the contract.

    With a key, a row with the key of an old row and other values has changed. Without one, a row that occurs more often
    among the new rows than among the old ones is added as often as that; no row changes.
    """
    columns = list(contract.columns)
    before, after = frame.hashes(old[columns]), frame.hashes(new[columns])
    if not contract.key:
        return _whole_rows(before, after)
    key = list(contract.key)
    keys, places = frame.hashes(old[key]), pd.Series(frame.hashes(new[key]))
    first = places.groupby(places).transform(lambda same: same.index[0]).to_numpy(dtype=int)
    again, same = first != np.arange(len(new)), after == after[first]
    last = pd.Series(np.arange(len(old)), index=keys).groupby(level=0).last()
    position = last.reindex(places).fillna(-1).to_numpy(dtype=int)
    known = (position >= 0) & ~again
    equal = np.zeros(len(new), dtype=bool)
    equal[known] = before[position[known]] == after[known]
    changed = np.flatnonzero(known & ~equal)
    return RowChanges(
        added=np.flatnonzero(~again & (position < 0)),
        repeated=np.flatnonzero((known & equal) | (again & same)),
        changed=changed,
        replaced=position[changed],
        contradictory=np.flatnonzero(again & ~same),
        gone=np.flatnonzero(~np.isin(keys, places.to_numpy())),
    )


def _whole_rows(before: np.ndarray, after: np.ndarray) -> RowChanges:
    occurrence = pd.Series(after).groupby(after).cumcount().to_numpy()
    old_counts = pd.Series(before).value_counts()
    is_new = occurrence >= old_counts.reindex(after).fillna(0).to_numpy()
    earlier = pd.Series(before).groupby(before).cumcount().to_numpy()
    new_counts = pd.Series(after).value_counts()
    none = np.zeros(0, dtype=int)
    return RowChanges(
        added=np.flatnonzero(is_new),
        repeated=np.flatnonzero(~is_new),
        changed=none,
        replaced=none,
        contradictory=none,
        gone=np.flatnonzero(earlier >= new_counts.reindex(before).fillna(0).to_numpy()),
    )


def examples(old: pd.DataFrame, new: pd.DataFrame, changes: RowChanges, contract: Contract) -> list[str]:
    """Return lines that say what changed in some of the changed rows."""
    lines = []
    for place, before in list(zip(changes.changed, changes.replaced, strict=True))[:SHOWN]:
        row, other = new.iloc[place], old.iloc[before]
        key = key_of(row, contract)
        different = [
            f"{name} {_shown(other[name])} became {_shown(row[name])}"
            for name in contract.columns
            if not (row[name] is other[name] or (pd.isna(row[name]) and pd.isna(other[name])))
            and (pd.isna(row[name]) or pd.isna(other[name]) or row[name] != other[name])
        ]
        lines.append(f"{key}: {'; '.join(different)}")
    return lines


def key_of(row: pd.Series, contract: Contract) -> str:
    """Return the names and values of the key of a row."""
    return ", ".join(f"{name} {_shown(row[name])}" for name in contract.key)


def _shown(value: object) -> str:
    if pd.isna(value):
        return "nothing"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
