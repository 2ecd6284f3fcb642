"""Small real models of any contract, trained and exported as the pipeline does it."""

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import samples
import yaml
from click.testing import CliRunner

from mlgitops.common import files
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import limits
from mlgitops.contract.synthetic import example_rows
from mlgitops.data import frame
from mlgitops.model import export, pipeline, train


def rows(contract: Contract, count: int = 300) -> pd.DataFrame:
    """Return *count* rows that keep *contract*, with a target, typed as the pipeline types them."""
    found = pd.DataFrame(example_rows(contract, count), columns=list(contract.inputs))
    return frame.parse(found.assign(**{contract.target: _target(contract, count)}), contract)


def _target(contract: Contract, count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    if contract.classes:
        return np.array(contract.classes, dtype=object)[random.permutation(np.arange(count) % len(contract.classes))]
    low, high = limits(contract.columns[contract.target])
    return np.round(random.uniform(max(low, -1000), max(min(high, 1000), low)))


def exported(contract: Contract, folder: Path) -> Path:
    """Return the folder, below *folder*, of a model that has seen `rows`, exported by the stage of that name."""
    algorithm = samples.Params.load(samples.ROOT / "params.yaml").train.algorithm
    params = samples.PARAMS.model_copy(update={"train": samples.settings(algorithm)})
    for name, document in {"contract.yaml": contract, "params.yaml": params}.items():
        (folder / name).write_text(yaml.safe_dump(document.model_dump(mode="json")), encoding="utf-8")
    known = rows(contract)
    pipeline.save(train.fit(contract, params.train, known), folder / "pipeline.skops")
    known.to_parquet(folder / "test.parquet", index=False)
    files.write_json(folder / "metrics.json", {"rows": len(known), "score": 1.0})
    (folder / "plots").mkdir()
    for name in ("slices", "importance"):
        (folder / "plots" / f"{name}.csv").write_text("name,value\n", encoding="utf-8")
    made = [str(folder / name) for name in ("pipeline.skops", "test.parquet", "metrics.json", "plots", "export")]
    before = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, PYTHONHASHSEED="0"):
            CliRunner().invoke(export.main, made, catch_exceptions=False, standalone_mode=False)
    finally:
        os.chdir(before)
    return folder / "export"
