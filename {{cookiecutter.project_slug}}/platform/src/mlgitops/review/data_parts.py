"""Compares the champion's profile of the data with the candidate's tables, one column at a time."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.contract import Contract
from ..data.distribution import FALSE_ALARM_RATE, Distribution, count, shift, strings
from ..data.profile import ColumnProfile, PartProfile, Profile, column, column_profile
from .data_change import BinChange, ColumnShift, PartChange, TargetChange, TypeChange

NOTABLE_PSI = 0.1  # a smaller index is no shift that a reader has to know of
MIN_EXPECTED_ROWS = -math.log(FALSE_ALARM_RATE)  # a value of which so many rows are expected is not absent by chance
DRAWN = 6  # columns of a part that get a chart


class Compared(NamedTuple):
    """A column of both: its profiles, its shift, and the candidate's rows in the champion's bins."""

    before: ColumnProfile
    after: ColumnProfile
    shift: ColumnShift | None
    counted: Distribution | None


def columns(before: Contract, after: Contract) -> tuple[tuple[str, ...], tuple[str, ...], tuple[TypeChange, ...]]:
    """Return the columns that were added, those that are gone, and those whose type changed."""
    added = tuple(name for name in after.columns if name not in before.columns)
    gone = tuple(name for name in before.columns if name not in after.columns)
    retyped = tuple(
        TypeChange(name, before.columns[name].type, declared.type)
        for name, declared in after.columns.items()
        if name in before.columns and before.columns[name].type != declared.type
    )
    return added, gone, retyped


def parts(before: Profile, contract: Contract, tables: Mapping[str, Path]) -> tuple[PartChange, ...]:
    """Return the change of each part that both have; *contract* and *tables* are the candidate's."""
    return tuple(_part(name, before.parts[name], contract, tables[name]) for name in before.parts if name in tables)


def _part(name: str, before: PartProfile, contract: Contract, table: Path) -> PartChange:
    rows, compared = pq.ParquetFile(table).metadata.num_rows, dict(_compared(before, contract, table))
    shifts = [pair.shift for pair in compared.values() if pair.shift]
    ranked = sorted(shifts, key=lambda column: (not column.shifted, -column.shift.psi))
    lost_all = [n for n, pair in compared.items() if rows and pair.after.missing == rows > 0]
    timed = compared.get(contract.time or "")
    target = compared.get(contract.target)
    return PartChange(
        name=name,
        before=before.rows,
        after=rows,
        period_before=_period(timed.before) if timed else None,
        period=_period(timed.after) if timed else None,
        target=_target(target, contract) if target else None,
        empty=tuple(n for n in lost_all if compared[n].before.missing < before.rows),
        columns=tuple(c if n < DRAWN and c.shifted else replace(c, bins=()) for n, c in enumerate(ranked)),
    )


def _compared(before: PartProfile, contract: Contract, table: Path) -> Iterator[tuple[str, Compared]]:
    present = set(pq.ParquetFile(table).schema_arrow.names)
    for name, declared in contract.columns.items():
        old = before.columns.get(name)
        if old is None or old.type != declared.type or name not in present:
            continue
        values = column(table, name)
        counted = count(values, old.distribution) if old.distribution else None
        moved = _shift(name, old.distribution, counted, values) if old.distribution and counted else None
        yield name, Compared(old, column_profile([values], name, contract), moved, counted)


def _shift(name: str, before: Distribution, after: Distribution, values: pd.Series) -> ColumnShift:
    difference, old, new = shift(before, after), before.shares, after.shares
    drawn = [n for n, label in enumerate(before.labels) if old[n] or new[n]]
    return ColumnShift(
        name=name,
        shift=difference,
        shifted=difference.psi > max(NOTABLE_PSI, difference.chance),
        missing_before=float(old[-1]),
        missing=float(new[-1]),
        lost=_absent(before, after) if before.categories else (),
        gained=_gained(before, after, values) if before.categories else (),
        bins=tuple(BinChange(before.labels[n], float(old[n]), float(new[n])) for n in drawn),
    )


def _absent(rows: Distribution, elsewhere: Distribution) -> tuple[str, ...]:
    """Return the categories of *rows* that *elsewhere* lacks, where chance alone does not explain it."""
    pairs = zip(rows.categories, rows.shares, elsewhere.counts, strict=False)
    return tuple(c for c, share, other in pairs if not other and share * elsewhere.rows >= MIN_EXPECTED_ROWS)


def _gained(before: Distribution, after: Distribution, values: pd.Series) -> tuple[str, ...]:
    """Return the values that are new; where the champion's profile has unnamed values, only those known to be new."""
    known = _absent(after, before)
    if before.others or not after.others:
        return known
    frequency = strings(values).value_counts()
    unnamed = frequency[~frequency.index.isin(before.categories)]
    likely = unnamed[unnamed / max(after.rows, 1) * before.rows >= MIN_EXPECTED_ROWS]
    return (*known, *sorted(map(str, likely.index)))


def _period(profile: ColumnProfile) -> str | None:
    return f"{profile.first} to {profile.last}" if profile.first else None


def _target(pair: Compared, contract: Contract) -> TargetChange | None:
    if not pair.before.distribution or not pair.counted or not pair.shift:
        return None
    beyond = pair.shift.shift.psi > pair.shift.shift.chance
    if contract.task == "regression":
        old, new = pair.before.mean, pair.after.mean
        return None if old is None or new is None else TargetChange(contract.target, None, old, new, beyond)
    names = pair.before.distribution.categories
    change = np.abs(pair.counted.shares - pair.before.distribution.shares)[: len(names)]
    if not len(names):
        return None
    positive = contract.classes[-1]
    place = names.index(positive) if contract.task == "binary" and positive in names else int(change.argmax())
    shares = pair.before.distribution.shares, pair.counted.shares
    return TargetChange(contract.target, names[place], float(shares[0][place]), float(shares[1][place]), beyond)
