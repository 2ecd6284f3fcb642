"""The profile of the data that made a model: counts, bins, categories and ranges by column, but no rows.

It is exported with the model, so that a later model's data can be compared with it when the data itself is gone.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from ..common.record import Record
from ..contract.column import Column
from ..contract.contract import Contract
from . import frame
from .distribution import Distribution, distribution

FILE = "profile.json"  # in an exported model
MIN_CATEGORY_ROWS = 5  # rarer values are not named, since they could identify somebody
DATES = ("date", "datetime")


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
    return frame.read(pq.ParquetFile(path), name, None)


def digests(path: Path) -> tuple[str, str]:
    """Return the SHA-256 of a file, and its MD5, under which DVC stores it."""
    algorithms = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for algorithm in algorithms:
                algorithm.update(block)
    return algorithms[0].hexdigest(), algorithms[1].hexdigest()


def _part(path: Path, contract: Contract) -> PartProfile:
    file = pq.ParquetFile(path)
    names = [name for name in contract.columns if name in file.schema_arrow.names]
    columns = {name: column_profile(column(path, name), contract.columns[name], name, contract) for name in names}
    return PartProfile(file.metadata.num_rows, *digests(path), columns)


def column_profile(values: pd.Series, declared: Column, name: str, contract: Contract) -> ColumnProfile:
    """Return the profile of the typed *values* of a column."""
    dates, present = declared.type in DATES, values.dropna()
    counted = None
    if not dates and declared.type != "text" and name not in contract.key:
        counted = distribution(values, declared.categories or (), MIN_CATEGORY_ROWS)
    return ColumnProfile(
        type=declared.type,
        missing=len(values) - len(present),
        distribution=counted,
        mean=float(present.mean()) if declared.type in ("number", "integer") and len(present) else None,
        first=str(present.min()) if dates and len(present) else None,
        last=str(present.max()) if dates and len(present) else None,
    )
