"""Windows of time: the rows of the newest days of a table, such as 60d."""

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from . import frame, part_rows
from .parquet import parquet_file

MIN_ROWS = 10


def newest(rows: pd.DataFrame, contract: Contract, days: str, setting: str) -> np.ndarray:
    """Return for each of the typed *rows* whether its time is within the newest *days*; the newest row's time is one.

    Raises ProjectError, which names the *setting*, if the contract has no time.
    """
    require_time(contract, days, setting)
    timestamps = rows[contract.time]
    oldest = timestamps.max() - pd.Timedelta(days=int(days.removesuffix("d")))
    return np.asarray((timestamps > oldest).fillna(False), dtype=bool)


def require_time(contract: Contract, days: str, setting: str) -> None:
    """Raise ProjectError, which names the *setting*, if the contract has no time that *days* could be taken of."""
    if contract.time is None:
        raise ProjectError(
            f"params.yaml: {setting}: {days} needs the time of a row: name the column `time` in contract.yaml"
        )


def learned(parts: Sequence[Path], contract: Contract, days: str | None) -> pd.DataFrame:
    """Return the typed rows of *parts* within `train.window`; of the others, only the time is ever in memory.

    Raises ProjectError if these are too few, or lack a class.
    """
    if days is None:
        return _joined([pd.read_parquet(part) for part in parts])
    require_time(contract, days, "train.window")
    timestamps = [frame.read(parquet_file(part), str(contract.time), None) for part in parts]
    recent = newest(pd.concat(timestamps, ignore_index=True).to_frame(contract.time), contract, days, "train.window")
    within = np.split(recent, np.cumsum([len(times) for times in timestamps])[:-1])
    kept = _joined([part_rows.rows_at(part, np.flatnonzero(mask)) for part, mask in zip(parts, within, strict=True)])
    codes = set(frame.target(kept, contract)) if contract.classes else set()
    absent = [name for code, name in enumerate(contract.classes) if code not in codes]
    if len(kept) < MIN_ROWS or absent:
        lacking = f", none with {contract.target} {', '.join(absent)}" if absent else ""
        raise ProjectError(f"params.yaml: train.window: {days} has {len(kept)} rows{lacking}: make it longer")
    click.echo(f"train.window: the newest {len(kept):,} of {len(recent):,} rows are learned from")
    return kept


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
