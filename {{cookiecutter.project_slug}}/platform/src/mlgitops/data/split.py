"""Stage split: hold out the rows that only evaluate may see."""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from . import frame


def split(rows: pd.DataFrame, contract: Contract, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (train, test) of typed rows; see `sides`."""
    train, test = sides(rows, contract, share)
    return rows.iloc[train].reset_index(drop=True), rows.iloc[test].reset_index(drop=True)


def sides(rows: pd.DataFrame, contract: Contract, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of train and of test rows; those without a target are in neither.

    With a time column the newest *share* of the rows is the test part. Without, the hash of a row's key decides (of all
    its inputs where there is no key), so that a row stays on its side when the table grows. Raises ProjectError when a
    part would lack rows or classes.
    """
    known = np.flatnonzero(rows[contract.target].notna())
    if contract.time:
        moments = rows[contract.time].iloc[known]
        test = (moments >= moments.quantile(1 - share, interpolation="higher")).to_numpy()
        ties = [frame.hashes(rows[list(contract.key)])[known]] if contract.key else []
        order = np.lexsort([*ties, moments.to_numpy()])
        known, test = known[order], test[order]
    else:
        test = frame.hashes(rows[list(contract.key or contract.inputs)])[known] < share * 2**64
    parts = known[~test], known[test]
    for name, part in zip(("train", "test"), parts, strict=True):
        _check(name, rows[[contract.target]].iloc[part], contract)
    return parts


def _check(name: str, part: pd.DataFrame, contract: Contract) -> None:
    if len(part) < 10:
        raise ProjectError(
            f"split: only {len(part)} rows in the {name} part: bring more rows, or change split.test in params.yaml"
        )
    lacking = [contract.classes[i] for i in np.setdiff1d(range(len(contract.classes)), frame.target(part, contract))]
    if lacking:
        raise ProjectError(
            f"split: no row of the {name} part has {contract.target} {', '.join(lacking)}: bring more rows"
        )


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("train", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
def main(raw: Path, train: Path, test: Path) -> None:
    """Split RAW, which validate has passed, into TRAIN and TEST."""
    contract = Contract.load(Path("contract.yaml"))
    share = Params.load(Path("params.yaml")).split.test
    rows = frame.load(raw, contract, contract.columns)
    for path, part in zip((train, test), sides(rows, contract, share), strict=True):
        _write(rows, part, path)
        click.echo(f"{path}: {len(part):,} rows")


def _write(rows: pd.DataFrame, positions: np.ndarray, path: Path) -> None:
    """Write the *rows* at *positions* to *path*, part by part: there is no second copy of the table in memory."""
    schema = pa.Schema.from_pandas(rows.head(1), preserve_index=False)
    with files.replacing(path) as new, pq.ParquetWriter(new, schema) as writer:
        for start in range(0, len(positions), frame.PART):
            part = rows.iloc[positions[start : start + frame.PART]]
            writer.write(pa.Table.from_pandas(part, schema=schema, preserve_index=False))
