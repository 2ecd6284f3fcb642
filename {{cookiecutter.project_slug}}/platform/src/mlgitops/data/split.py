"""Stage split: hold out rows for evaluation."""

import json
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from . import frame, window
from .counts import METADATA, Counts
from .parquet import parquet_writer
from .units import held_out, newest, units


def split(rows: pd.DataFrame, contract: Contract, held: float | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the train rows and the test rows of typed *rows*; see `sides`."""
    train, test = sides(rows, contract, held)
    return rows.iloc[train].reset_index(drop=True), rows.iloc[test].reset_index(drop=True)


def sides(rows: pd.DataFrame, contract: Contract, held: float | str) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the train rows and of the test rows; rows without a target are in neither.

    With a time column, *held* is the share of the newest rows that are the test part, or a number of days such as 60d.
    Without one, the hash of a row's group, of its key, or of all its inputs decides, so that a row stays in its part
    when the table grows; see `units.held_out`. Rows of a group are never in both parts.

    Raises ProjectError if a part would lack rows or classes.
    """
    labelled = np.flatnonzero(rows[contract.target].notna())
    recent = window.newest(rows.iloc[labelled], contract, held, "split.test") if isinstance(held, str) else None
    share = float(held) if recent is None else float(recent.mean())
    if contract.time and not contract.group:
        timestamps = rows[contract.time].iloc[labelled]
        boundary = timestamps.quantile(1 - share, interpolation="higher")
        test = (timestamps >= boundary).to_numpy() if recent is None else recent
        ties = [frame.hashes(rows[list(contract.key)])[labelled]] if contract.key else []
        order = np.lexsort([*ties, timestamps.to_numpy()])
        labelled, test = labelled[order], test[order]
    elif contract.time:
        order, test = newest(units(rows, contract)[labelled], rows[contract.time].iloc[labelled], share)
        labelled, test = labelled[order], test[order]
    else:
        labels = rows[[contract.target]].iloc[labelled]
        classes = frame.target(labels, contract) if contract.classes else np.zeros(len(labelled), dtype="int64")
        test = held_out(units(rows, contract)[labelled], classes, share) if len(labelled) else labelled > 0
    parts = labelled[~test], labelled[test]
    for name, part in zip(("train", "test"), parts, strict=True):
        _check(name, rows[[contract.target]].iloc[part], contract)
    return parts


def _check(name: str, part: pd.DataFrame, contract: Contract) -> None:
    if len(part) < 10:
        raise ProjectError(
            f"split: only {len(part)} rows in the {name} part: add rows, or change split.test in params.yaml"
        )
    absent = [contract.classes[i] for i in np.setdiff1d(range(len(contract.classes)), frame.target(part, contract))]
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
    rows = frame.load(raw, contract, contract.columns)
    table = Counts(len(rows), int(rows[contract.target].isna().sum()))
    for path, part in zip((train, test), sides(rows, contract, share), strict=True):
        _write(rows, part, path, table)
        click.echo(f"{path}: {len(part):,} rows")
    if remark := table.explain(contract.target):
        click.echo(remark)


def _write(rows: pd.DataFrame, positions: np.ndarray, path: Path, table: Counts) -> None:
    """Write the *rows* at *positions* to *path* in chunks, to avoid a second copy of the table in memory."""
    schema = pa.Schema.from_pandas(rows.head(1), preserve_index=False)
    written = schema.with_metadata({**schema.metadata, METADATA: json.dumps(asdict(table)).encode()})
    with files.replacing(path) as new, parquet_writer(new, written) as writer:
        for start in range(0, len(positions), frame.CHUNK_ROWS):
            chunk = rows.iloc[positions[start : start + frame.CHUNK_ROWS]]
            writer.write(pa.Table.from_pandas(chunk, schema=schema, preserve_index=False).cast(written))
