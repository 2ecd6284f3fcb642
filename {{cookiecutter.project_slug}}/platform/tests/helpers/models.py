"""Small real models of any contract, and projects around them: trained and exported as the pipeline does it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pandas as pd
import yaml
from click.testing import CliRunner
from sklearn.base import BaseEstimator

from mlgitops.common import files
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data import frame, split
from mlgitops.model import export, rehearsal, train, trained
from mlgitops.model.conversion import convert

from .contracts import ALGORITHMS, EXAMPLE, PARAMS, TARGETS, example, settings, wide
from .tables import rows, rows_of

CODE = "from helpers import models; print(models.json.dumps(models.digests()))"


@cache
def fitted(algorithm: str, task: str) -> BaseEstimator:
    """Return a pipeline fitted on `rows`."""
    return train.fit(wide(task), settings(algorithm), frame.parse(rows(task), wide(task)))


def digests() -> dict[str, str]:
    """Return the SHA-256 of the file of each algorithm and task, and of its ONNX model."""
    digest = {}
    for algorithm, task in product(ALGORITHMS, TARGETS):
        with TemporaryDirectory() as folder:
            path = Path(folder, "trained.onnx")
            save(fitted(algorithm, task), wide(task), settings(algorithm), frame.parse(rows(task), wide(task)), path)
            digest[f"{algorithm} {task} trained"] = hashlib.sha256(path.read_bytes()).hexdigest()
        model = convert(fitted(algorithm, task), wide(task))
        digest[f"{algorithm} {task} model"] = hashlib.sha256(model).hexdigest()
    return digest


def save(fit: BaseEstimator, contract: Contract, model: dict[str, Any], table: pd.DataFrame, path: Path) -> None:
    """Write an estimator that was fitted on typed rows to *path*, as the stage train does."""
    trained.write(path, *rehearsal.exported(contract, model, fit, frame.features(table, contract)))


@cache
def digests_of_another_process() -> dict[str, str]:
    """Return `digests` as a process computes them that iterates over sets in another order."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    output = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    digest: dict[str, str] = json.loads(output.stdout)
    return digest


def write_project(folder: Path, contract: Contract, params: Params = PARAMS) -> Path:
    """Make *folder* a project of *contract* with its features; model.py is the example's."""
    for name, document in {"contract.yaml": contract, "params.yaml": params}.items():
        text = yaml.safe_dump(document.model_dump(mode="json", exclude_defaults=True), sort_keys=False)
        (folder / name).write_text(text, encoding="utf-8")
    source = folder / "src" / "example"
    shutil.copytree(EXAMPLE / "src" / "example", source, ignore=shutil.ignore_patterns("__pycache__"))
    functions = [feature.function for feature in contract.features if feature.function]
    (source / "features.py").write_bytes(functions[0].file.read_bytes() if functions else b"")
    return folder


def touch_project(folder: Path) -> Path:
    """Let *folder* be taken for a project, whatever is in it."""
    for name in ("contract.yaml", "params.yaml"):
        (folder / name).touch()
    return folder


def touch_package(folder: Path) -> Path:
    """Let *folder* be taken for a project with the package `example`, whatever is in it."""
    touch_project(folder)
    (folder / "src/example").mkdir(parents=True)
    (folder / "src/example/model.py").touch()
    return folder


def adoptable(folder: Path, texts: Mapping[str, str]) -> Path:
    """Make *folder* a project of the example's contract with DVC, without git, and with the files *texts*."""
    (folder / "data").mkdir(parents=True)
    write_project(folder, example())
    shutil.copy(EXAMPLE / "params.yaml", folder)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")
    return folder


def project(folder: Path, task: str = "binary", algorithm: str = "boosting") -> Path:
    """Make *folder* a project of the contract `wide` with data, and a model fitted on the train part."""
    contract, params = wide(task), PARAMS.model_copy(update={"model": settings(algorithm)})
    write_project(folder, contract, params)
    parts = split.split(frame.parse(rows(task, 400), contract), contract, 0.3)
    for name, part in zip(("train", "test"), parts, strict=True):
        part.to_parquet(folder / f"{name}.parquet", index=False)
    fit = train.fit(contract, params.model, parts[0])
    save(fit, contract, params.model, parts[0], folder / "trained.onnx")
    return folder


def exported(
    contract: Contract, folder: Path, model: dict[str, Any] | None = None, table: pd.DataFrame | None = None
) -> Path:
    """Return the folder, below *folder*, of a model that has seen `rows_of`, or the typed *table*.

    It is exported by the stage of that name.
    """
    params = PARAMS.model_copy(update={"model": model or PARAMS.model})
    write_project(folder, contract, params)
    table = rows_of(contract) if table is None else table
    save(train.fit(contract, params.model, table), contract, params.model, table, folder / "trained.onnx")
    table.to_parquet(folder / "test.parquet", index=False)
    files.write_json(folder / "metrics.json", {"rows": len(table), "score": 1.0})
    (folder / "plots").mkdir()
    for name in ("slices", "importance"):
        (folder / "plots" / f"{name}.csv").write_text("feature,importance,std\n", encoding="utf-8")
    names = [str(folder / name) for name in ("trained.onnx", "test.parquet", "metrics.json", "plots", "export")]
    names += ["--train", str(folder / "test.parquet")]
    with chdir(folder), mock.patch.dict(os.environ, PYTHONHASHSEED="0"):
        CliRunner().invoke(export.main, names, catch_exceptions=False, standalone_mode=False)
    return folder / "export"
