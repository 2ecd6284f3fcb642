"""Takes evenly spaced rows of a table, on which adoption measures instead of on all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data import frame
from ..data.spacing import evenly_spaced
from ..data.split import split

MIN_ROWS, MAX_ROWS = 1000, 40_000
MAX_VALUES = 500_000  # rows times columns
WORDS_PER_COLUMN = 4  # a word takes less time than a column
MAX_TREES = 400_000  # rows times classes, since a tree is grown for each class


def sample(raw: Path, contract: Contract, share: float) -> pd.DataFrame:
    """Return typed rows of the train part; settings must not be chosen on the test part.

    Raises ProjectError if a part of the split lacks rows or classes.
    """
    rows = _sample(raw, contract)
    try:
        return split(rows, contract, share)[0]
    except ProjectError:
        if len(rows) == pq.read_metadata(raw).num_rows:
            raise
        train, _ = split(frame.load(raw, contract, list(rows)), contract, share)  # the full table may have enough
        return train.iloc[evenly_spaced(len(train), len(rows))]


def _sample(raw: Path, contract: Contract) -> pd.DataFrame:
    """Return typed rows that have a target, evenly spaced."""
    file = pq.ParquetFile(raw)
    roles = filter(None, [contract.target, *contract.key, contract.time, contract.group])
    used = dict.fromkeys([*roles, *contract.inputs])
    truth = frame.read(file, contract.target, contract.columns[contract.target], contract.decimal)
    filled = np.flatnonzero(truth.notna())
    width = sum(1 + (contract.columns[name].words or 0) // WORDS_PER_COLUMN for name in used)
    most = min(MAX_ROWS, MAX_TREES // max(1, len(contract.classes)), MAX_VALUES // width)
    sampled = filled[evenly_spaced(len(filled), max(MIN_ROWS, most))]
    return pd.DataFrame(
        {name: frame.read(file, name, contract.columns[name], contract.decimal, sampled) for name in used}
    )
