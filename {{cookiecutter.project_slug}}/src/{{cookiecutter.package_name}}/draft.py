"""Drafts the contract of a table: the role of each column, and what is left out because it gives the target away."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from . import infer
from .config import ProjectError
from .contract import Task
from .infer import Found

SAMPLE = 10_000  # rows on which is tried how much one column tells
CERTAIN, SUSPICIOUS = 0.9995, 0.98  # how well one column may tell the target before it is left out, or named


@dataclass(frozen=True)
class Wishes:
    """What the user says of the table; what is not said is inferred."""

    target: str
    task: Task | None = None
    key: tuple[str, ...] = ()
    time: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass
class Draft:
    """A contract as it will be written, and remarks for the person who reads it."""

    contract: dict[str, Any]
    unsure: list[str] = field(default_factory=list)


def draft(raw: Path, wishes: Wishes) -> Draft:
    """Return the contract of the table in *raw*, read one column at a time.

    Raises ProjectError where the table cannot become a model, saying why.
    """
    names = pq.read_schema(raw).names
    _check_names(names, wishes)
    decimal = infer.decimal_mark(cells(raw, name) for name in names)
    truth, _ = infer.column(wishes.target, cells(raw, wishes.target), decimal)
    task, entry = infer.target_entry(truth, wishes.task)
    _check_target(wishes.target, task, truth)
    filled = np.flatnonzero(truth.cells.notna())
    some = filled[infer.sample(len(filled), SAMPLE)]
    found, empty, unsure = {wishes.target: Found(entry, truth.cells)}, set[str](), list[str]()
    with click.progressbar(names, label="reading columns") as bar:
        for name in bar:
            if name == wishes.target:
                continue
            what, blanks = infer.column(name, cells(raw, name), decimal)
            empty |= blanks
            if name in wishes.ignore:
                what.entry = {"type": "text", "missing": True, "ignore": "left out on request"}
            elif "ignore" not in what.entry:
                _leaks(name, what, wishes.target, truth, task, some, unsure)
            found[name] = Found(what.entry, what.cells.iloc[:0], what.identifier)
            if name in wishes.key and what.cells.isna().any():
                raise ProjectError(f"KEY={name}: the column has empty cells, so it cannot identify rows")
    key = wishes.key or _key(found, raw, decimal)
    _check_key(raw, key)
    time = None if wishes.time == "none" else wishes.time or infer.time_column(found)
    for name in key:
        what_key = found[name].entry
        found[name].entry = what_key if name == time else {"type": "text"}
    if time and not wishes.time:
        unsure.append(f"{time} is taken as the time of a row: the newest rows are the test part (TIME= names another)")
    contract: dict[str, Any] = {"task": task, "target": wishes.target}
    contract |= {"key": list(key)} if key else {}
    contract |= {"time": time} if time else {}
    contract |= {"rows": max(10, len(filled) // 2)}
    contract |= {"empty": sorted(empty)} if empty else {}
    contract |= {"decimal": decimal} if decimal != "." else {}
    return Draft(contract | {"columns": {name: found[name].entry for name in names}}, unsure)


def cells(raw: Path, name: str) -> pd.Series:
    """Return one column of a Parquet file."""
    return pq.read_table(raw, columns=[name])[name].to_pandas()


def _check_names(names: list[str], wishes: Wishes) -> None:
    wanted = {
        "TARGET": (wishes.target,),
        "KEY": wishes.key,
        "TIME": (None if wishes.time == "none" else wishes.time,),
        "IGNORE": wishes.ignore,
    }
    for option, columns in wanted.items():
        for name in columns:
            if name and name not in names:
                raise ProjectError(f"{option}={name}: there is no such column; there are: {', '.join(names)}")
    if len(names) < 2:
        raise ProjectError(f"the table has only the column {names[0]}: there is nothing to predict it from")


def _check_target(name: str, task: Task, truth: Found) -> None:
    filled = truth.cells.dropna()
    counts = filled.value_counts()
    if len(counts) < 2:
        raise ProjectError(f"{name}: all rows have the same value: there is nothing to learn")
    if len(filled) < 50:
        raise ProjectError(f"only {len(filled)} rows have a value of {name}: at least 50 are needed to train and test")
    numeric = truth.entry["type"] in ("number", "integer")
    if task == "regression" and not numeric:
        raise ProjectError(f"{name}: task regression needs numbers, and the column holds text")
    if task == "binary" and len(counts) != 2:
        raise ProjectError(f"{name}: task binary needs two values, and there are {len(counts)}")
    if task == "multiclass" and len(counts) > 100:
        raise ProjectError(
            f"{name}: {len(counts)} different values are too many classes; is it a number, or an identifier?"
        )
    if task != "regression" and counts.min() < 5:
        few = ", ".join(f"{value} ({count})" for value, count in counts[counts < 5].items())
        raise ProjectError(
            f"{name}: too few rows to train and test: {few}; join them with others, or leave these rows out"
        )


def _check_key(raw: Path, key: tuple[str, ...]) -> None:
    if not key:
        return
    rows = pq.read_table(raw, columns=list(key)).to_pandas()
    twice = rows[rows.duplicated(keep=False)]
    if len(twice):
        shown = "; ".join(", ".join(map(str, row)) for row in twice.head(3).itertuples(index=False))
        raise ProjectError(f"KEY={','.join(key)}: {len(twice)} rows share their key, the first: {shown}")


def _key(found: dict[str, Found], raw: Path, decimal: str) -> tuple[str, ...]:
    """Return the first column that identifies every row."""
    for name, what in found.items():
        if what.identifier and "missing" not in what.entry and cells(raw, name).is_unique:
            return (name,)
    return ()


def _leaks(name: str, what: Found, target: str, truth: Found, task: Task, some: np.ndarray, unsure: list[str]) -> None:
    """Leave out a column that gives the target away; raises ProjectError where it is the target again."""
    if infer.same(what.cells, truth.cells):
        raise ProjectError(f"{name}: is the target {target} again, row by row: leave it out with IGNORE={name}")
    told = infer.foretells(what.cells.iloc[some], truth.cells.iloc[some], task)
    if told >= CERTAIN:
        what.entry = {"type": "text", "missing": True, "ignore": f"gives {target} away ({told:.4f} alone)"}
    elif told >= SUSPICIOUS:
        unsure.append(
            f"{name} alone tells {target} almost surely ({told:.3f}): is it known when a prediction is asked for?"
        )
