"""Small contracts and tables: the tests hold whatever the project's own data and settings are."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml

from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params, Train
from mlgitops.data import frame, split
from mlgitops.model import export, pipeline, train

ROOT = Path(__file__).parents[1]
ALGORITHMS = ("linear", "boosting", "forest")
TARGETS = {
    "binary": "{type: boolean}",
    "multiclass": "{type: category, values: [low, mid, high]}",
    "regression": "{type: number}",
}
PARAMS = Params.load(ROOT / "params.yaml").model_copy(
    update={
        "train": Train.model_validate(
            {
                "algorithm": "boosting",
                "seed": 7,
                "folds": 3,
                "linear": {"strength": 1.0},
                "boosting": {"iterations": 10, "learning_rate": 0.2, "leaves": 8, "min_leaf": 5, "l2": 0.0},
                "forest": {"trees": 5, "depth": 6, "min_leaf": 2},
                "search": {"trials": 0, "space": {}},
            }
        )
    }
)


def contract(columns: dict[str, str], task: str = "binary", **more: object) -> Contract:
    """Return a contract of *columns*, each as YAML, and the target y."""
    every = {name: yaml.safe_load(column) for name, column in {**columns, "y": TARGETS[task]}.items()}
    return Contract.model_validate({"task": task, "target": "y", "rows": 1, "columns": every, **more})


def wide(task: str = "binary", **more: object) -> Contract:
    """Return a contract with a column of every type, some of them with names that no program likes."""
    columns = {
        "plain": "{type: number}",
        "gaps": "{type: number, missing: true}",
        "nothing": "{type: number, missing: true}",
        "large": "{type: number}",
        "close": "{type: number}",
        "count of things": "{type: integer, missing: true}",
        "2nd.flag": "{type: boolean, missing: true}",
        "été": '{type: category, values: [a, b b, "ç"], missing: true}',
        "city": "{type: category, missing: true}",
        "seen": "{type: datetime, missing: true}",
        "day": "{type: date, parts: [days, weekday]}",
    }
    return contract(columns, task, **more)


def rows(task: str = "binary", count: int = 200, seed: int = 0, strange: bool = False) -> pd.DataFrame:
    """Return rows that `wide` describes, as delivered; *strange* ones hold what training has not seen."""
    random = np.random.default_rng(seed)

    def holes(cells: object, share: float = 0.2) -> pd.Series:
        return pd.Series(cells, dtype=object).mask(random.random(count) < share)

    found = pd.DataFrame(
        {
            "plain": random.normal(size=count),
            "gaps": holes(random.normal(5, 2, count)).astype(float),
            "nothing": np.full(count, np.nan),
            "large": random.integers(2**24, 2**31, count),
            "close": 1e9 + 64.0 * random.integers(0, 8, count),  # neighbours in single precision
            "count of things": holes(random.integers(0, 9, count)).astype(float),
            "2nd.flag": holes(random.random(count) < 0.5),
            "été": holes(random.choice(["a", "b b", "ç"], count)),
            "city": holes(random.choice([f"city {n}" for n in range(20)], count)),
            "seen": holes(pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 10**8, count), unit="s")),
            "day": (pd.Timestamp("1999-01-01") + pd.to_timedelta(random.integers(0, 5000, count), unit="D")).date,
        }
    )
    score = found["plain"] + found["gaps"].fillna(0) / 3 + (found["close"] - 1e9) / 200 + (found["city"] > "city 15")
    found["y"] = _target(task, score + random.normal(size=count))
    if strange:
        unseen = {"city": "nowhere", "été": "?", "nothing": 3.5, "plain": None, "close": 3e9, "large": 2**24 + 1}
        for name, cell in unseen.items():
            found[name] = found[name].mask(random.random(count) < 0.2, cell)
    return found


def _target(task: str, score: pd.Series) -> pd.Series:
    if task == "multiclass":
        return pd.qcut(score, 3, labels=["low", "mid", "high"]).astype(object)
    return score > score.median() if task == "binary" else 1000 * score


def settings(algorithm: str) -> Train:
    """Return settings of *algorithm* for small tables."""
    return PARAMS.train.model_copy(update={"algorithm": algorithm})


@cache
def fitted(algorithm: str, task: str) -> pipeline.Pipeline:
    """Return a pipeline fitted on `rows`."""
    return train.fit(wide(task), settings(algorithm), frame.parse(rows(task), wide(task)))


def digests() -> dict[str, str]:
    """Return the SHA-256 of the file of each algorithm and task, and of its ONNX model."""
    found = {}
    for algorithm, task in product(ALGORITHMS, TARGETS):
        with TemporaryDirectory() as folder:
            path = Path(folder, "pipeline.skops")
            pipeline.save(fitted(algorithm, task), path)
            found[f"{algorithm} {task} pipeline"] = hashlib.sha256(path.read_bytes()).hexdigest()
        model = export.convert(fitted(algorithm, task), wide(task))
        found[f"{algorithm} {task} model"] = hashlib.sha256(model).hexdigest()
    return found


@cache
def digests_of_another_process() -> dict[str, str]:
    """Return `digests` as a process computes them that walks through sets in another order."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    code = "import json, samples; print(json.dumps(samples.digests()))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def project(folder: Path, task: str = "binary", algorithm: str = "boosting") -> Path:
    """Make *folder* a project of its own: contract, parameters, data, and a model fitted on the train part."""
    contract, params = wide(task), PARAMS.model_copy(update={"train": settings(algorithm)})
    for name, document in {"contract.yaml": contract, "params.yaml": params}.items():
        text = yaml.safe_dump(document.model_dump(mode="json", exclude_defaults=True), sort_keys=False)
        (folder / name).write_text(text, encoding="utf-8")
    parts = split.split(frame.parse(rows(task, 400), contract), contract, 0.3)
    for name, part in zip(("train", "test"), parts, strict=True):
        part.to_parquet(folder / f"{name}.parquet", index=False)
    pipeline.save(train.fit(contract, params.train, parts[0]), folder / "pipeline.skops")
    return folder
