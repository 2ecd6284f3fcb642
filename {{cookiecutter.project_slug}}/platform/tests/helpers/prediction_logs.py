"""Files of the prediction log, as the service writes them, with answers and times that a test chooses."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HEADER = {
    "log": 1,
    "version": "3",
    "model": "a" * 64,
    "contract": "c" * 64,
    "threshold": 0.5,
    "metrics": {"roc_auc": 0.75, "rows": 5000},
    "prediction": "boolean",
    "classes": ["false", "true"],
    "columns": {},
}


def line(identifier: str, at: datetime, *probabilities: float, **more: Any) -> dict[str, Any]:
    """Return a line of the log with answers of these probabilities."""
    answers = [{"prediction": p >= 0.5, "probability": p} for p in probabilities]
    return {"id": identifier, "at": at.timestamp(), "answers": answers, **more}


def write(path: Path, *lines: dict[str, Any] | bytes, **header: Any) -> Path:
    """Write a file with a header that differs by *header*; bytes are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = [text if isinstance(text, bytes) else json.dumps(text).encode() + b"\n" for text in lines]
    path.write_bytes(json.dumps(HEADER | header).encode() + b"\n" + b"".join(encoded))
    return path


def scored(start: datetime, rows: int, signal: float, seed: int = 0) -> pd.DataFrame:
    """Return predictions of one day: id, at, probability, and the actual value that *signal* explains."""
    random = np.random.default_rng(seed)
    probability = random.uniform(0.02, 0.98, rows)
    actual = random.random(rows) < signal * probability + (1 - signal) / 2
    names = [f"{start:%Y%m%d}-{number}" for number in range(rows)]
    return pd.DataFrame({"id": names, "at": start, "probability": probability, "actual": actual})


def log_of(path: Path, rows: pd.DataFrame, **header: Any) -> Path:
    """Write the predictions of `scored` as a file of the log."""
    lines = [line(row.id, row.at, row.probability) for row in rows.itertuples()]
    return write(path, *lines, **header)
