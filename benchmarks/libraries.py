"""Compares estimators of other libraries with the default: metric, distance of the ONNX model, size, time of one row.

    python benchmarks/libraries.py

Run it in a project, where the platform and the extras lightgbm, xgboost, catboost and keras, which brings PyTorch, are
installed. The tables are of scikit-learn: 569 rows of two classes, 1,797 of ten, 442 of numbers. Each is learned from
70 % of the rows. The networks are those of networks.py.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.model import estimators, metrics, parity, pipeline
from mlgitops.model.conversion import convert
from mlgitops.model.single_precision import to_single_precision
from mlgitops.model.trained import Trained
from networks import KerasNetwork, TorchNetwork
from sklearn import datasets
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier, XGBRegressor

Table = tuple[Contract, pd.DataFrame]
TABLES: dict[str, tuple[Callable[..., Any], str]] = {
    "breast cancer": (datasets.load_breast_cancer, "binary"),
    "digits": (datasets.load_digits, "multiclass"),
    "diabetes": (datasets.load_diabetes, "regression"),
}
LIBRARIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "LightGBM": (LGBMClassifier, LGBMRegressor, {"n_jobs": 1, "verbose": -1}),
    "XGBoost": (XGBClassifier, XGBRegressor, {"n_jobs": 1}),
    "CatBoost": (
        CatBoostClassifier,
        CatBoostRegressor,
        {"iterations": 200, "thread_count": 1, "verbose": False, "allow_writing_files": False},
    ),
}
NETWORKS = {"PyTorch": TorchNetwork, "Keras": KerasNetwork}


def table(load: Callable[..., Any], task: str) -> Table:
    """Return the contract and the typed rows of a table of scikit-learn, in random order."""
    bunch = load(as_frame=True)
    rows = bunch.data.astype("float64").assign(target=bunch.target)
    target: dict[str, Any] = {"type": "number"}
    if task != "regression":
        names = [f"class {name}" for name in range(int(bunch.target.max()) + 1)]
        rows["target"], target = [names[code] for code in bunch.target], {"type": "category", "categories": names}
    columns = {name: {"type": "number"} for name in bunch.data} | {"target": target}
    contract = Contract.model_validate({"task": task, "target": "target", "columns": columns})
    return contract, frame.parse(rows.sample(frac=1, random_state=0), contract)


def built(library: str, contract: Contract) -> Pipeline:
    """Return the unfitted pipeline of a library, or the default."""
    if library == "default":
        return estimators.build(contract)
    if library in NETWORKS:
        network = NETWORKS[library](classifier=bool(contract.classes))
        return Pipeline([("inputs", estimators.preprocessing(contract, "linear")), ("model", network)])
    classifier, regressor, settings = LIBRARIES[library]
    final = (classifier if contract.classes else regressor)(random_state=0, **settings)
    return Pipeline([("inputs", estimators.preprocessing(contract, "boosting")), ("model", final)])


def measured(library: str, contract: Contract, rows: pd.DataFrame) -> str:
    """Return one line of the table."""
    inputs, truth = frame.features(rows, contract), frame.target(rows, contract)
    cut = len(rows) * 7 // 10
    fitted = built(library, contract).fit(inputs.iloc[:cut], truth[:cut])
    to_single_precision(fitted)
    content = convert(fitted, contract)
    model, asked = Trained(content, contract), inputs.iloc[cut:]
    predicted = model.predict(asked)
    distance = parity.measure(contract, pipeline.predict(fitted, asked, contract), predicted).largest
    times = []
    for row in range(200):
        start = time.process_time()
        model.predict(asked.iloc[row % len(asked) : row % len(asked) + 1])
        times.append(time.process_time() - start)
    score = metrics.score(contract, truth[cut:], predicted)
    return (
        f"{library:10} {metrics.name(contract)} {score:.4f}  distance {distance:.1e}  {len(content) / 1e3:8.0f} kB  "
        f"{statistics.median(times) * 1e3:.2f} ms"
    )


def main() -> None:
    """Print the table."""
    np.seterr(all="ignore")
    for name, (load, task) in TABLES.items():
        contract, rows = table(load, task)
        print(f"{name}: {len(rows):,} rows, {len(contract.features)} features")
        for library in ("default", *LIBRARIES, *NETWORKS):
            print("  " + measured(library, contract, rows), flush=True)


if __name__ == "__main__":
    main()
