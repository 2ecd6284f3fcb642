"""Stage split: hold out rows for evaluation."""

import json
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pandas as pd

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from . import frame, part_files, window
from .counts import METADATA, Counts
from .parquet import parquet_file
from .row_source import FileRows, FrameRows, Rows
from .units import held_out, newest, units


def split(rows: pd.DataFrame, contract: Contract, held: float | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the train rows and the test rows of typed *rows*; see `sides`."""
    train, test = sides(FrameRows(rows), contract, held)
    return rows.iloc[train].reset_index(drop=True), rows.iloc[test].reset_index(drop=True)


def sides(rows: Rows, contract: Contract, held: float | str) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the train rows and of the test rows; rows without a target are in neither.

    With a time column, *held* is the share of the newest rows that are the test part, or a number of days such as 60d.
    Without one, the hash of a row's group, of its key, or of all its inputs decides, so that a row stays in its part
    when the table grows; see `units.held_out`. Rows of a group are never in both parts.

    Raises ProjectError if a part would lack rows or classes.
    """
    if isinstance(held, str):
        window.require_time(contract, held, "split.test")
    classes, filled = _classes(rows, contract)
    labelled = None if filled.all() else np.flatnonzero(filled)
    kept = slice(None) if labelled is None else labelled
    classes = classes[kept]
    if contract.time:
        order, test = _newest(rows, contract, held, kept)
        classes, test, positions = classes[order], test[order], order if labelled is None else labelled[order]
    else:
        test = held_out(units(rows, contract)[kept], classes, float(held)) if len(classes) else classes > 0
        positions = np.arange(len(classes)) if labelled is None else labelled
    for name, chosen in (("train", ~test), ("test", test)):
        _check(name, np.bincount(classes[chosen], minlength=len(contract.classes)), contract)
    return positions[~test], positions[test]


def _classes(rows: Rows, contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of each row's class, 0 for regression, and whether the row has a value of the target."""
    classes, filled = [], []
    for truth in rows.chunks(contract.target):
        codes = frame.target(truth.to_frame(contract.target), contract) if contract.classes else np.zeros(len(truth))
        classes.append(codes.astype("int16"))
        filled.append(truth.notna().to_numpy(dtype=bool))
    return np.concatenate([*classes, np.zeros(0, "int16")]), np.concatenate([*filled, np.zeros(0, bool)])


def _newest(
    rows: Rows, contract: Contract, held: float | str, kept: slice | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of the *kept* rows by time, and for each of them whether it is held out."""
    timestamps = rows.column(str(contract.time)).iloc[kept]
    recent = None
    if isinstance(held, str):
        recent = window.newest(timestamps.to_frame(contract.time), contract, held, "split.test")
    share = float(held) if recent is None else float(recent.mean())
    if contract.group:
        return newest(units(rows, contract)[kept], timestamps, share)
    if recent is None:
        recent = (timestamps >= timestamps.quantile(1 - share, interpolation="higher")).to_numpy()
    ties = [rows.hashes(contract.key)[kept]] if contract.key else []
    return np.lexsort([*ties, timestamps.to_numpy()]), recent


def _check(name: str, rows: np.ndarray, contract: Contract) -> None:
    """Raise ProjectError if a part has few *rows*, which are counted by class, or none of a class."""
    if rows.sum() < 10:
        raise ProjectError(
            f"split: only {rows.sum()} rows in the {name} part: add rows, or change split.test in params.yaml"
        )
    absent = [label for label, count in zip(contract.classes, rows, strict=False) if not count]
    if absent:
        raise ProjectError(f"split: no row of the {name} part has {contract.target} {', '.join(absent)}: add rows")


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("train", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
def main(raw: Path, train: Path, test: Path) -> None:
    """Split RAW, which has passed validate, into TRAIN and TEST."""
    contract = Contract.load(Path("contract.yaml"))
    share = Params.load(Path("params.yaml")).split.test
    file = parquet_file(raw)
    parts = sides(FileRows(file, contract), contract, share)
    table = Counts(file.metadata.num_rows, file.metadata.num_rows - sum(map(len, parts)))
    for path, part in zip((train, test), parts, strict=True):
        with files.replacing(path) as new:
            part_files.write(raw, contract, part, new, {METADATA: json.dumps(asdict(table)).encode()})
        click.echo(f"{path}: {len(part):,} rows")
    if remark := table.explain(contract.target):
        click.echo(remark)
