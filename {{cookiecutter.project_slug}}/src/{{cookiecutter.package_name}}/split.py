"""Stage split: hold out the rows that only evaluate may see."""

from pathlib import Path

import click
import numpy as np
import pandas as pd

from . import files, table
from .config import ProjectError
from .contract import Contract
from .settings import Params


def split(rows: pd.DataFrame, contract: Contract, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (train, test) of typed rows; those without a target are in neither.

    With a time column the newest *share* of the rows is the test part. Without, the hash of a row's key decides (of all
    its inputs where there is no key), so that a row stays on its side when the table grows. Raises ProjectError when a
    part would lack rows or classes.
    """
    rows = rows[rows[contract.target].notna()]
    if contract.time:
        rows = rows.sort_values([contract.time, *contract.key], kind="stable")
        moments = rows[contract.time]
        test = (moments >= moments.quantile(1 - share, interpolation="higher")).to_numpy()
    else:
        names = list(contract.key or contract.inputs)
        test = pd.util.hash_pandas_object(rows[names], index=False).to_numpy() < share * 2**64
    parts = rows[~test].reset_index(drop=True), rows[test].reset_index(drop=True)
    for name, part in zip(("train", "test"), parts, strict=True):
        _check(name, part, contract)
    return parts


def _check(name: str, part: pd.DataFrame, contract: Contract) -> None:
    if len(part) < 10:
        raise ProjectError(
            f"split: only {len(part)} rows in the {name} part: bring more rows, or change split.test in params.yaml"
        )
    lacking = [contract.classes[i] for i in np.setdiff1d(range(len(contract.classes)), table.target(part, contract))]
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
    rows = table.load(raw, contract)[list(contract.columns)]
    for path, part in zip(
        (train, test), split(rows, contract, Params.load(Path("params.yaml")).split.test), strict=True
    ):
        with files.replacing(path) as new:
            part.to_parquet(new, index=False)
        click.echo(f"{path}: {len(part):,} rows")


if __name__ == "__main__":
    main()
