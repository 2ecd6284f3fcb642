"""Infers the task from the target, and finds columns that leak it."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Task
from ..data import casting, frame
from .profile import OUT_OF_RANGE, READING, ColumnProfile

MIN_ROWS, MIN_CLASS_ROWS, MAX_CLASSES = 50, 5, 100
MAX_INTEGER_CLASSES = 10  # integers with at most this many values are classes
POSITIVE = {
    "1", "true", "yes", "y", "t", "positive", "pos", "bad", "spam", "fraud", "churn", "churned", "malignant", "m", "+",
    ">50k", "default", "dead", "died", "failure", "fail", "case",
    "ja", "oui", "si", "s\u00ed", "sim", "wahr", "vrai", "vero", "verdadero", "verdadeiro", "tak", "\u0434\u0430",
}  # fmt: skip


def describe(
    file: pq.ParquetFile, name: str, profile: ColumnProfile, choice: Task | None
) -> tuple[Task, dict[str, Any]]:
    """Return the task that fits the target *name*, and the target's entry in the contract.

    *choice* is the task that the user chose. Raises ProjectError if the target cannot be predicted.
    """
    filled, kind = profile.values.dropna(), profile.entry["type"]
    counts, numeric = filled.value_counts(), kind in ("number", "integer")
    _check(name, profile, counts)
    task = choice or _task(profile, counts, numeric)
    missing: dict[str, Any] = {key: profile.entry[key] for key in ("missing", "na_values") if key in profile.entry}
    if task == "regression":
        if not numeric:
            raise ProjectError(f"{name}: task regression needs numbers, but a value is {filled.iloc[0]!r}")
        if filled.astype("float32").nunique() < 2:
            raise ProjectError(f"{name}: the numbers are equal in single precision: use another unit")
        return task, {"type": kind, **missing, **{key: profile.entry[key] for key in READING if key in profile.entry}}
    _check_classes(name, task, counts)
    # classes are as delivered
    profile.remarks = [remark for remark in profile.remarks if remark not in profile.reading]
    labels = frame.read(file, name, Column.model_validate({"type": "category", **missing})).dropna()
    small = set(labels.str.lower().unique())
    if len(small) < labels.nunique():
        profile.remarks.append(f"{name}: some values differ in upper and lower case only: are they the same?")
    if task == "binary" and small in ({"0", "1"}, {"0.0", "1.0"}, {"true", "false"}):
        return task, {"type": "boolean", **missing}
    return task, {"type": "category", "categories": _ordered(labels, task), **missing}


def _check(name: str, profile: ColumnProfile, counts: pd.Series) -> None:
    """Raise ProjectError if the target cannot be predicted, whatever the task."""
    reason, rows = profile.entry.get("ignore"), counts.sum()
    if reason and (not rows or reason == OUT_OF_RANGE):
        raise ProjectError(f"{name}: {reason}, so it cannot be predicted: choose another target")
    if rows < MIN_ROWS:
        raise ProjectError(f"{name}: only {rows} rows have a value: at least {MIN_ROWS} are needed to train and test")
    if len(counts) < 2:
        raise ProjectError(f"{name}: all rows have the same value: choose another target")
    if profile.entry["type"] in ("date", "datetime"):
        raise ProjectError(f"{name}: contains times, which cannot be predicted: convert it to a number, such as days")


def _task(profile: ColumnProfile, counts: pd.Series, numeric: bool) -> Task:
    if len(counts) == 2:
        return "binary"
    whole = profile.entry["type"] == "integer"
    if numeric and not (whole and len(counts) <= MAX_INTEGER_CLASSES and counts.min() >= 2 * MIN_CLASS_ROWS):
        return "regression"
    if numeric:
        profile.remarks.append(f"the target has {len(counts)} whole numbers, used as classes (or set TASK=regression)")
    return "multiclass"


def _check_classes(name: str, task: Task, counts: pd.Series) -> None:
    if (task == "binary") != (len(counts) == 2):
        expected = "two" if task == "binary" else "three or more"
        raise ProjectError(f"{name}: task {task} needs {expected} values, but there are {len(counts)}")
    if len(counts) > MAX_CLASSES:
        raise ProjectError(f"{name}: {len(counts)} values are too many classes: is it an identifier, or free text?")
    if counts.min() < MIN_CLASS_ROWS:
        rare = ", ".join(f"{value} ({count})" for value, count in counts[counts < MIN_CLASS_ROWS].items())
        raise ProjectError(f"{name}: too few rows to train and test: {rare}; merge classes, or remove the rows")


def _ordered(labels: pd.Series, task: Task) -> list[str]:
    """Return the classes in order; of two, the positive one is last: by its name, else the rarer one."""
    counts = labels.value_counts()
    numbers = casting.numbers(pd.Series(counts.index))
    values = [counts.index[i] for i in np.argsort(numbers)] if numbers.notna().all() else sorted(counts.index)
    if task == "binary":
        positive = [value for value in values if value.strip(". ").lower() in POSITIVE]
        rarer = min(values, key=lambda value: counts[value])
        values.sort(key=lambda value: value == (positive[0] if len(positive) == 1 else rarer))
    return values


def same(values: pd.Series, truth: pd.Series, task: Task) -> bool:
    """Return whether a column is a copy of the target; classes may have other labels."""
    if task == "regression":
        return bool(pd.api.types.is_float_dtype(values) and np.array_equal(values, truth))
    return bool((pd.factorize(values)[0] == pd.factorize(truth)[0]).all())
