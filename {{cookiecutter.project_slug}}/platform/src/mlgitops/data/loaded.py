"""A whole table in memory, as delivered and with the contract's types."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Ingest
from . import frame
from .ingest import ingest
from .reading import IngestReport


@dataclass(frozen=True)
class Loaded:
    """A table as delivered, its rows with the contract's types, and how it was read."""

    delivered: pa.Table
    typed: pd.DataFrame
    report: IngestReport

    def take(self, rows: np.ndarray) -> "Loaded":
        """Return the rows at the positions *rows*."""
        return Loaded(self.delivered.take(rows), self.typed.iloc[rows].reset_index(drop=True), self.report)


def load(source: str | Path, how: Ingest, contract: Contract) -> Loaded:
    """Read a table; raises ProjectError if its columns are not those of the contract."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.parquet"
        report = ingest(source, raw, how)
        names = pq.read_schema(raw).names
        absent = [name for name in contract.delivered if name not in names]
        unknown = [name for name in names if name not in contract.delivered]
        if absent or unknown:
            problems = [f"has no column {name!r}" for name in absent] + [f"has the new column {n!r}" for n in unknown]
            raise ProjectError(
                f"{source}: {', '.join(problems)}: correct the table, or change contract.yaml and the table together"
            )
        return Loaded(pq.read_table(raw), frame.load(raw, contract, contract.columns), report)
