"""Drafts the contract of a table: the role of each column, and what is left out because it gives the target away."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from ..contract.contract import Task
from . import columns, roles, target
from .profile import Found

NOTHING = pd.Series(dtype="object")
ROWS = 10_000  # on which is tried how much one column tells
CERTAIN, SUSPICIOUS = 0.9995, 0.98  # how well one column may tell the target before it is left out, or named
UNNAMED = re.compile(r"column \d+|[-+]?[\d.,]+")  # what a column is called whose name is not in the header


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
    file = pq.ParquetFile(raw)
    names = file.schema_arrow.names
    _check_names(names, wishes)
    decimal = columns.decimal_mark(file)
    truth = columns.infer(file, wishes.target, decimal)
    task, entry = target.describe(file, wishes.target, truth, wishes.task)
    found, unsure = _others(file, wishes, decimal, truth.cells, task)
    time = roles.find_time(found, wishes.time)
    key = roles.find_key(file, found, wishes.key)
    for name in key:
        found[name].entry = found[name].entry if name == time else {"type": "text"}
    if time and not wishes.time:
        unsure.append(f"{time} is taken as the time of a row: the newest rows are the test part (TIME=none otherwise)")
    reasons = {name: what.entry.get("ignore") for name, what in found.items()}
    if all(reason or (name in key and name != time) for name, reason in reasons.items()):
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        raise ProjectError(f"no column is left to predict {wishes.target} from: {said or 'all others are its key'}")
    parts = {"key": list(key), "time": time, "min_rows": max(10, int(truth.cells.count()) // 2)}
    contract = {"task": task, "target": wishes.target} | {part: value for part, value in parts.items() if value}
    contract |= {"decimal": decimal} if decimal != "." else {}
    entries = {name: entry if name == wishes.target else found[name].entry for name in names}
    return Draft(contract | {"columns": entries}, truth.unsure + unsure)


def _others(
    file: pq.ParquetFile, wishes: Wishes, decimal: str, truth: pd.Series, task: Task
) -> tuple[dict[str, Found], list[str]]:
    """Return what every column but the target holds, without its cells, and remarks on those that the model sees."""
    filled = np.flatnonzero(truth.notna())
    some = filled[evenly(len(filled), ROWS)]
    answers, unsure = truth.iloc[some], []
    found: dict[str, Found] = {}
    others = [name for name in file.schema_arrow.names if name != wishes.target]
    with click.progressbar(others, label="reading columns") as bar:
        for name in bar:
            what = columns.infer(file, name, decimal)
            if name in wishes.ignore:
                what.entry = {"type": "text", "missing": True, "ignore": "left out on request"}
            elif "ignore" not in what.entry and name not in wishes.key:
                unsure += what.unsure + _leaks(name, what, wishes.target, answers, task, some)
            found[name] = replace(what, cells=NOTHING)  # a part of the cells would keep all of them
    return found, unsure


def evenly(count: int, most: int) -> np.ndarray:
    """Return the positions of at most *most* of *count* rows, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _check_names(names: list[str], wishes: Wishes) -> None:
    time = () if wishes.time in (None, "none") else (wishes.time,)
    wanted = {"TARGET": (wishes.target,), "KEY": wishes.key, "TIME": time, "IGNORE": wishes.ignore}
    for option, asked in wanted.items():
        for name in asked:
            if name not in names:
                hint = ": does the first line name the columns?" if any(map(UNNAMED.fullmatch, names)) else ""
                raise ProjectError(f"{option}={name}: there is no such column; there are: {', '.join(names)}{hint}")
    if wishes.target in (*wishes.key, *time, *wishes.ignore):
        raise ProjectError(f"TARGET={wishes.target}: is also asked for as key, time or to be ignored")
    if len(names) < 2:
        raise ProjectError(f"the table has only the column {names[0]}: there is nothing to predict it from")


def _leaks(name: str, what: Found, wanted: str, answers: pd.Series, task: Task, some: np.ndarray) -> list[str]:
    """Leave out a column that gives the target away; raises ProjectError where it is the target again."""
    cells = what.cells.iloc[some]
    if target.same(cells, answers, task):
        raise ProjectError(f"{name}: is the target {wanted} again, row by row: leave it out with IGNORE='{name}'")
    told = target.foretells(cells, answers, task)
    if told >= CERTAIN:
        what.entry = {"type": "text", "missing": True, "ignore": f"gives {wanted} away ({told:.4f} alone)"}
    elif told >= SUSPICIOUS:
        return [f"{name} alone tells {wanted} almost surely ({told:.3f}): is it known when a prediction is asked for?"]
    return []
