"""Finds the columns that identify a row."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from .. import table
from ..column import Column
from ..config import ProjectError
from .describe import Found


def find(found: dict[str, Found], file: pq.ParquetFile) -> tuple[str, ...]:
    """Return the first column that identifies every row."""
    for name, what in found.items():
        if what.identifier and "missing" not in what.entry and identifies(file, (name,)):
            return (name,)
    return ()


def identifies(file: pq.ParquetFile, key: tuple[str, ...]) -> bool:
    """Return whether no two rows share their *key*, by its hash, which takes less memory than the keys themselves."""
    parts = (part.to_pandas().astype("string") for part in file.iter_batches(table.PART, columns=list(key)))
    hashes = np.concatenate([pd.util.hash_pandas_object(part, index=False).to_numpy() for part in parts])
    hashes.sort()
    return not (hashes[1:] == hashes[:-1]).any()


def check(file: pq.ParquetFile, key: tuple[str, ...]) -> None:
    """Raise ProjectError where *key* does not identify every row: shared, or empty in part."""
    rows = pd.DataFrame({name: table.read(file, name, Column(type="text")) for name in key})
    wrong = rows[rows.duplicated(keep=False) | rows.isna().any(axis=1)]
    if len(wrong):
        first = "; ".join(", ".join(map(str, row)) for row in wrong.head(3).itertuples(index=False))
        raise ProjectError(f"KEY={','.join(key)}: {len(wrong)} rows share their key, or lack it; the first: {first}")
