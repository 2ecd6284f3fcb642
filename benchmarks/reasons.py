"""Measures what the reasons for predictions cost, and how far they are from those of many more orders of the columns.

    PROJECT/.venv/bin/python benchmarks/reasons.py PROJECT

PROJECT is a generated project whose pipeline has run. For each number of background rows, a copy of its exported model
explains rows of the test part; time is that of the processor.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from mlgitops.common import files
from mlgitops.data import frame
from mlgitops.data.spacing import evenly_spaced
from mlgitops.model import background, mixtures, reasons
from mlgitops.model.scorer import Scorer, digests

ROWS, SEEDS = 30, range(100, 120)


def explainer(export: Path, train: pd.DataFrame, count: int, folder: Path) -> reasons.Explainer:
    """Return the explainer of a copy of *export* with *count* background rows."""
    shutil.copytree(export, folder)
    contract = Scorer(folder).contract
    background.write(folder, frame.records(train.iloc[evenly_spaced(len(train), count)], contract), contract)
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "files": digests(folder)})
    return reasons.Explainer(Scorer(folder))


def main() -> None:
    """Print one line of the table per number of background rows."""
    project = Path(sys.argv[1])
    train, test = (pd.read_parquet(project / f"data/{name}.parquet") for name in ("train", "test"))
    print("| background rows | rows scored per row | rows/s | sampling error |\n| ---: | ---: | ---: | ---: |")
    for count in (25, 50, 100):
        with tempfile.TemporaryDirectory() as scratch:
            explained = explainer(project / "models/export", train, count, Path(scratch) / "export")
            scorer = Scorer(Path(scratch) / "export")
            columns = frame.columns(test.iloc[evenly_spaced(len(test), ROWS)], scorer.contract)
            predicted, begun = scorer.predict(columns), time.process_time()
            explained.reasons(columns, predicted)
            rate, samples = ROWS / (time.process_time() - begun), []
            for mixtures.ORDERS_SEED in SEEDS:
                samples.append(reasons.Explainer(scorer).reasons(columns, predicted).contributions)
        mean = np.mean(samples, axis=0)
        error = np.abs(np.array(samples) - mean).mean() / np.abs(mean).mean()
        print(f"| {count} | {explained.cost:,} | {rate:,.0f} | {error:.0%} |", flush=True)


if __name__ == "__main__":
    main()
