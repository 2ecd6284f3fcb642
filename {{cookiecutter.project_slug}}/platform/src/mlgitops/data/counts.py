"""How many rows the table has, and how many of them no part has; each part of the split keeps this."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

METADATA = b"mlgitops.rows"  # where a part keeps the counts of the whole table


@dataclass(frozen=True)
class Counts:
    """The rows of the table, and how many of them have no value of the target and are in no part."""

    rows: int
    without_target: int

    def explain(self, target: str) -> str:
        """Return the rows that are not used in words; "" if all are."""
        if not self.without_target:
            return ""
        return f"{self.without_target:,} of {self.rows:,} rows have no value of the target {target}: not used"


def counts(part: Path) -> Counts:
    """Return the counts of the table of which *part* was split off; those of the part itself if it has none."""
    metadata = pq.read_metadata(part)
    recorded = (metadata.metadata or {}).get(METADATA)
    return Counts(**json.loads(recorded)) if recorded else Counts(metadata.num_rows, 0)
