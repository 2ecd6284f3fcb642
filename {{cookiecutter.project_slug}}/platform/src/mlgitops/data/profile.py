"""The profile of the data that made a model: counts, bins, categories and ranges by column, but no rows.

It is exported with the model, so that a later model's data can be compared with it when the data itself is gone.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ..common.record import Record
from ..contract.column import NUMERIC, TEMPORAL, Column
from ..contract.contract import Contract
from . import frame
from .distribution import Distribution, distribution, of_frequency, strings
from .parquet import parquet_file

FILE = "profile.json"  # in an exported model
MIN_CATEGORY_ROWS = 5  # rarer values are not named, since they could identify somebody


@dataclass(frozen=True)
class ColumnProfile(Record):
    """A column: the *distribution* of values is None for dates, keys and text; *first* and *last* are of dates."""

    type: str
    missing: int
    distribution: Distribution | None
    mean: float | None
    first: str | None
    last: str | None


@dataclass(frozen=True)
class PartProfile(Record):
    """The train or the test part: its rows, the digests of its file, and its columns."""

    rows: int
    sha256: str
    md5: str
    columns: dict[str, ColumnProfile]


@dataclass(frozen=True)
class Profile(Record):
    """The data of a model: the parts train and test."""

    parts: dict[str, PartProfile]


def profile(parts: Mapping[str, Path], contract: Contract) -> Profile:
    """Return the profile of typed tables, read one column at a time."""
    return Profile({name: _part(path, contract) for name, path in parts.items()})


def column(path: Path, name: str) -> pd.Series:
    """Return one column of a typed table that split wrote."""
    return frame.read(parquet_file(path), name, None)


def digests(path: Path) -> tuple[str, str]:
    """Return the SHA-256 of a file, and its MD5, under which DVC stores it."""
    algorithms = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for algorithm in algorithms:
                algorithm.update(block)
    return algorithms[0].hexdigest(), algorithms[1].hexdigest()


def _part(path: Path, contract: Contract) -> PartProfile:
    file = parquet_file(path)
    names = [name for name in contract.columns if name in file.schema_arrow.names]
    columns = {name: column_profile(frame.chunks(file, name, None), name, contract) for name in names}
    return PartProfile(file.metadata.num_rows, *digests(path), columns)


def column_profile(chunks: Iterable[pd.Series], name: str, contract: Contract) -> ColumnProfile:
    """Return the profile of a column from its typed values in chunks; of all rows, only numbers are kept."""
    declared = contract.columns[name]
    collect = _numbers if declared.type in NUMERIC else _dates if declared.type in TEMPORAL else _categories
    return collect(chunks, declared, declared.type != "text" and name not in contract.key)


def _numbers(chunks: Iterable[pd.Series], declared: Column, counted: bool) -> ColumnProfile:
    kept, missing = [pd.Series(dtype="float64")], 0
    for values in chunks:
        kept.append(values.dropna().reset_index(drop=True))  # without an index, which is as large as the numbers
        missing += len(values) - len(kept[-1])
    whole = pd.concat(kept, ignore_index=True)
    kept.clear()
    bins = replace(distribution(whole), missing=missing) if counted else None  # exact quantiles
    return ColumnProfile(declared.type, missing, bins, float(whole.mean()) if len(whole) else None, None, None)


def _categories(chunks: Iterable[pd.Series], declared: Column, counted: bool) -> ColumnProfile:
    frequency, missing = pd.Series(dtype="int64"), 0
    for values in chunks:
        missing += int(values.isna().sum())
        if counted:
            frequency = frequency.add(strings(values).value_counts(), fill_value=0)
    bins = of_frequency(frequency, missing, declared.categories or (), MIN_CATEGORY_ROWS) if counted else None
    return ColumnProfile(declared.type, missing, bins, None, None, None)


def _dates(chunks: Iterable[pd.Series], declared: Column, _: bool) -> ColumnProfile:
    ends, missing = list[pd.Timestamp](), 0
    for values in chunks:
        missing += int(values.isna().sum())
        if values.notna().any():
            ends = [min([values.min(), *ends]), max([values.max(), *ends])]
    first, last = map(str, ends) if ends else (None, None)
    return ColumnProfile(declared.type, missing, None, None, first, last)
