"""Decides what kind of prediction a target asks for, and which columns give it away."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Task
from ..data import casting, frame
from ..model.metrics import primary
from .profile import BEYOND, Found

FEWEST, RAREST, CLASSES = 50, 5, 100  # rows, rows of a class, classes
FEW = 10  # whole numbers of at most so many values are classes
POSITIVE = {
    "1", "true", "yes", "y", "t", "positive", "pos", "bad", "spam", "fraud", "churn", "churned", "malignant", "m", "+",
    ">50k", "default", "dead", "died", "failure", "fail", "case",
}  # fmt: skip


def describe(file: pq.ParquetFile, name: str, found: Found, wish: Task | None) -> tuple[Task, dict[str, Any]]:
    """Return the task that fits the target *name*, and the target's entry in the contract.

    *wish* is the task that the user asked for. Raises ProjectError where the target cannot be learned, saying why.
    """
    filled, kind = found.cells.dropna(), found.entry["type"]
    counts, numeric = filled.value_counts(), kind in ("number", "integer")
    _check(name, found, counts)
    task = wish or _task(found, counts, numeric)
    missing: dict[str, Any] = {key: found.entry[key] for key in ("missing", "na_values") if key in found.entry}
    if task == "regression":
        if not numeric:
            raise ProjectError(f"{name}: task regression needs numbers, and there is {filled.iloc[0]!r}")
        if filled.astype("float32").nunique() < 2:
            raise ProjectError(f"{name}: its numbers are the same in single precision: write them in another unit")
        return task, {"type": kind, **missing}
    _check_classes(name, task, counts)
    labels = frame.read(file, name, Column.model_validate({"type": "category", **missing})).dropna()
    small = set(labels.str.lower().unique())
    if len(small) < labels.nunique():
        found.unsure.append(f"{name}: some values differ in nothing but upper and lower case: are they the same?")
    if task == "binary" and small in ({"0", "1"}, {"0.0", "1.0"}, {"true", "false"}):
        return task, {"type": "boolean", **missing}
    return task, {"type": "category", "categories": _ordered(labels, task), **missing}


def _check(name: str, found: Found, counts: pd.Series) -> None:
    """Raise ProjectError where nothing can be learned, whatever the task."""
    reason, rows = found.entry.get("ignore"), counts.sum()
    if reason and (not rows or reason == BEYOND):
        raise ProjectError(f"{name}: {reason}: nothing that a model could predict")
    if rows < FEWEST:
        raise ProjectError(f"{name}: only {rows} rows have a value: at least {FEWEST} are needed to train and to test")
    if len(counts) < 2:
        raise ProjectError(f"{name}: all rows have the same value: there is nothing to learn")
    if found.entry["type"] in ("date", "datetime"):
        raise ProjectError(
            f"{name}: holds times, which cannot be predicted: make it a number, such as days from a start"
        )


def _task(found: Found, counts: pd.Series, numeric: bool) -> Task:
    if len(counts) == 2:
        return "binary"
    whole = found.entry["type"] == "integer"
    if numeric and not (whole and len(counts) <= FEW and counts.min() >= 2 * RAREST):
        return "regression"
    if numeric:
        found.unsure.append(f"the target has {len(counts)} whole numbers: taken as classes (TASK=regression otherwise)")
    return "multiclass"


def _check_classes(name: str, task: Task, counts: pd.Series) -> None:
    if (task == "binary") != (len(counts) == 2):
        wanted = "two" if task == "binary" else "three or more"
        raise ProjectError(f"{name}: task {task} needs {wanted} values, and there are {len(counts)}")
    if len(counts) > CLASSES:
        raise ProjectError(f"{name}: {len(counts)} values are too many classes: is it an identifier, or free text?")
    if counts.min() < RAREST:
        few = ", ".join(f"{value} ({count})" for value, count in counts[counts < RAREST].items())
        raise ProjectError(f"{name}: too few rows to train and test: {few}; join them with others, or leave them out")


def _ordered(labels: pd.Series, task: Task) -> list[str]:
    """Return the classes in order; of two, the positive one is the last: by its name, or because it is the rarer."""
    counts = labels.value_counts()
    numbers = casting.numbers(pd.Series(counts.index))
    values = [counts.index[i] for i in np.argsort(numbers)] if numbers.notna().all() else sorted(counts.index)
    if task == "binary":
        known = [value for value in values if value.strip(". ").lower() in POSITIVE]
        rarer = min(values, key=lambda value: counts[value])
        values.sort(key=lambda value: value == (known[0] if len(known) == 1 else rarer))
    return values


def same(cells: pd.Series, truth: pd.Series, task: Task) -> bool:
    """Return whether a column is the target again, of classes under whatever labels."""
    if task == "regression":
        return bool(pd.api.types.is_numeric_dtype(cells) and np.array_equal(cells, truth))
    return bool((pd.factorize(cells)[0] == pd.factorize(truth)[0]).all())


def foretells(cells: pd.Series, truth: pd.Series, task: Task) -> float:
    """Return how well one column alone tells the target: the task's primary metric of a small tree, cross-validated."""
    if pd.api.types.is_datetime64_any_dtype(cells):
        cells = cells.astype("int64").where(cells.notna())
    elif not pd.api.types.is_numeric_dtype(cells):
        cells = pd.Series(pd.factorize(cells)[0])
    numbers = cells.astype("float64")
    inputs = numbers.fillna(numbers.min() - 1).fillna(0).to_numpy().reshape(-1, 1)
    if task == "regression":
        known = truth.to_numpy(dtype="float64")
        number: Any = DecisionTreeRegressor(min_samples_leaf=5, random_state=0)
        line = (
            pd.Series(inputs[:, 0]).corr(pd.Series(known), method="spearman") ** 2
        )  # 1 for any function that only grows
        told = cross_val_predict(number, inputs, known, cv=KFold(3, shuffle=True, random_state=0))
        return max(0.0 if np.isnan(line) else float(line), primary(task, known, told))
    codes = pd.factorize(truth, sort=True)[0]
    if np.bincount(codes).min() < 3:
        return 0.0
    tree: Any = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return primary(task, codes, cross_val_predict(tree, inputs, codes, cv=folds, method="predict_proba"))
