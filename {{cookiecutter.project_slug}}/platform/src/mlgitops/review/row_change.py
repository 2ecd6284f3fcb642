"""Compares the rows of two models' data by the hashes of their keys and contents."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.contract import Contract
from ..data import frame, part_rows
from ..data.parquet import parquet_file
from .data_change import RowChange

Tables = Mapping[str, Path]  # the typed table of each part, train and test


class Hashes(NamedTuple):
    """A hash per row: of what identifies it, and of its content."""

    identity: np.ndarray
    content: np.ndarray


@dataclass(frozen=True)
class Rows:
    """The hashes of both models' rows by part, over the columns that both tables have with the same type."""

    key: tuple[str, ...]
    before: dict[str, Hashes]
    after: dict[str, Hashes]


def rows(before: Tables, old: Contract, after: Tables, new: Contract) -> Rows:
    """Return the hashes of the rows of two models; both contracts describe their tables."""
    shared = [name for name, c in new.columns.items() if name in old.columns and old.columns[name].type == c.type]
    key = new.key if new.key and set(new.key) <= set(shared) else ()
    return Rows(
        key,
        {name: _hashes(path, key, shared) for name, path in before.items()},
        {name: _hashes(path, key, shared) for name, path in after.items()},
    )


def change(rows: Rows) -> RowChange:
    """Return how many rows were added, are gone, or changed."""
    old, new = (_joined(side) for side in (rows.before, rows.after))
    if not rows.key:
        (before, counts_before), (after, counts_after) = (np.unique(h, return_counts=True) for h in (old[0], new[0]))
        _, at_before, at_after = np.intersect1d(before, after, assume_unique=True, return_indices=True)
        same = int(np.minimum(counts_before[at_before], counts_after[at_after]).sum())
        return RowChange((), len(new[0]) - same, len(old[0]) - same, None, _moved(rows))
    common, at_old, at_new = np.intersect1d(old[0], new[0], return_indices=True)
    changed = int((old[1][at_old] != new[1][at_new]).sum())
    gone = len(np.unique(old[0])) - len(common)
    return RowChange(rows.key, len(np.unique(new[0])) - len(common), gone, changed, _moved(rows))


def identified(rows: Rows) -> bool:
    """Return whether rows of both tables can be recognised: by a key, or since most contents are in both.

    Without a key, one column that changed in every row would make each row look new.
    """
    old, new = (_joined(side)[0] for side in (rows.before, rows.after))
    return bool(rows.key) or 2 * len(np.intersect1d(old, new)) >= min(len(np.unique(old)), len(np.unique(new)))


def unseen(rows: Rows, before: Tables, new: Contract, test: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both test parts, typed, that neither model was trained on and that the candidate accepts.

    *test* is the candidate's test part, in the order of its hashes.
    """
    learned_before, learned = rows.before["train"].identity, rows.after["train"].identity
    kept = test[~np.isin(rows.after["test"].identity, learned_before)]
    old = rows.before["test"].identity
    mask = ~np.isin(old, learned) & ~np.isin(old, rows.after["test"].identity)
    if not mask.any():
        return kept
    names = [name for name in new.columns if name in test]
    present = set(pq.ParquetFile(before["test"]).schema_arrow.names)
    earlier = pd.read_parquet(before["test"], columns=[name for name in names if name in present])[mask]
    earlier = earlier[accepted(earlier, new)]
    return pd.concat([kept[names], earlier], ignore_index=True) if len(earlier) else kept


def learned(rows: Rows) -> int:
    """Return how many rows of the candidate's test part the champion was trained on."""
    return int(np.isin(rows.after["test"].identity, rows.before["train"].identity).sum())


def accepted(rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return which typed rows the contract's inputs accept: no value is missing, unknown or out of range."""
    mask: np.ndarray = rows[contract.target].notna().to_numpy(dtype=bool)
    for name, column in contract.inputs.items():
        values = rows[name]
        absent = values.isna().to_numpy(dtype=bool)
        valid = absent & bool(column.missing)
        inside = ~absent
        if column.categories:
            inside &= values.isin(column.categories).to_numpy(dtype=bool)
        for bound, compare in ((column.min, values.ge), (column.max, values.le)):
            if bound is not None:
                inside &= compare(bound).fillna(False).to_numpy(dtype=bool)
        mask &= valid | inside
    return mask


def _hashes(path: Path, key: tuple[str, ...], names: list[str]) -> Hashes:
    file, identity, content = parquet_file(path), [], []
    for batch in file.iter_batches(part_rows.chunk_rows(len(names)), columns=names):
        chunk = pa.Table.from_batches([batch]).to_pandas()[names]
        content.append(frame.hashes(chunk))
        identity.append(frame.hashes(chunk[list(key)]) if key else content[-1])
    empty = [np.zeros(0, dtype="uint64")]
    return Hashes(np.concatenate(identity or empty), np.concatenate(content or empty))


def _joined(side: Mapping[str, Hashes]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([h.identity for h in side.values()]), np.concatenate([h.content for h in side.values()])


def _moved(rows: Rows) -> int:
    pairs = (("train", "test"), ("test", "train"))
    return sum(len(np.intersect1d(rows.before[old].identity, rows.after[new].identity)) for old, new in pairs)
