"""Compares an adopted project's model with what FLAML finds in a minute of CPU, on the same rows; prints JSON.

Run by adoption.py in the adopted project after baseline.py, which wrote the rows, with the Python of an environment
that has flaml[automl], pandas 2 and pyarrow, but not the project's packages.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

START = time.time() - time.process_time()
time.time = lambda: START + time.process_time()  # FLAML's budget is by this clock: other processes must not shorten it

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from flaml import AutoML  # noqa: E402
from sklearn import metrics as sk  # noqa: E402

SECONDS = 60
REPEATS = 1000
METRICS = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "r2"}


def rows(part: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the inputs of a part, with names that no library refuses, and the target."""
    table = pd.read_parquet(f"compared/{part}.parquet")
    target = table.pop("target").to_numpy()
    return table.set_axis([f"column {number}" for number in range(table.shape[1])], axis=1), target


def score(task: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the primary metric as the project measures it; NaN if undefined."""
    if len(np.unique(truth)) < 2:
        return float("nan")
    if task == "binary":
        return float(sk.roc_auc_score(truth, predicted[:, 1]))
    if task == "multiclass":
        return float(sk.f1_score(truth, predicted.argmax(axis=1), average="macro"))
    return float(sk.r2_score(truth, predicted))


def search(plan: dict[str, Any]) -> AutoML:
    """Return what FLAML found on the train part, with the folds that fit: of groups, in time, or its default.

    Its default also where a fold in time lacks a class, which its learners refuse.
    """
    if plan["split"] == "time":
        try:
            return fitted(plan, {"split_type": "time", "eval_method": "cv"})
        except ValueError:
            if plan["task"] == "regression":
                raise
    elif plan["split"] == "group":
        return fitted(plan, {"split_type": "group", "groups": np.load("compared/groups.npy"), "eval_method": "cv"})
    return fitted(plan, {})


def fitted(plan: dict[str, Any], folds: dict[str, Any]) -> AutoML:
    """Return FLAML after a search with these folds."""
    inputs, target = rows("train")
    automl = AutoML()
    automl.fit(
        inputs,
        target,
        task="regression" if plan["task"] == "regression" else "classification",
        metric=METRICS[plan["task"]],
        time_budget=SECONDS,
        n_jobs=1,
        seed=0,
        verbose=0,
        **folds,
    )
    return automl


def predictions(automl: AutoML, plan: dict[str, Any]) -> np.ndarray:
    """Return numbers, or probabilities of all classes: FLAML knows only those of the train part."""
    inputs, _ = rows("test")
    if plan["task"] == "regression":
        return np.asarray(automl.predict(inputs))
    probabilities = np.zeros((len(inputs), plan["classes"]))
    probabilities[:, np.asarray(automl.classes_, dtype="int64")] = automl.predict_proba(inputs)
    return probabilities


def interval(task: str, truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the difference, from a paired bootstrap of the test rows."""
    random = np.random.default_rng(0)
    drawn = (random.integers(0, len(truth), len(truth)) for _ in range(REPEATS))
    apart = [score(task, truth[rows], ours[rows]) - score(task, truth[rows], theirs[rows]) for rows in drawn]
    low, high = np.nanpercentile(apart, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Print what FLAML reaches, and the difference of our model from it."""
    warnings.simplefilter("ignore")
    plan = json.loads(Path("compared/plan.json").read_text(encoding="utf-8"))
    automl = search(plan)
    ours, theirs = np.load("compared/ours.npy"), predictions(automl, plan)
    usage, (_, truth) = resource.getrusage(resource.RUSAGE_SELF), rows("test")
    low, high = interval(plan["task"], truth, ours, theirs)
    result = {
        "score": score(plan["task"], truth, theirs),
        "apart": score(plan["task"], truth, ours) - score(plan["task"], truth, theirs),
        "low": low,
        "high": high,
        "best": automl.best_estimator,
        "cpu": usage.ru_utime + usage.ru_stime,
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
