"""Drafts the contract of a table: the role of each column; columns that leak the target are left out."""

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
from ..data.counts import Counts
from ..data.spacing import evenly_spaced
from ..model.predictiveness import predictiveness
from . import columns, identifiers, roles, target, times
from .profile import ColumnProfile

NO_ROWS = Counts(0, 0)
NO_VALUES = pd.Series(dtype="object")
LEAKAGE_ROWS = 5_000  # on which target leakage of one column is measured
LEAK_SCORE, SUSPICIOUS_SCORE = 0.9995, 0.98  # of a single column: it is left out, or reported
UNNAMED = re.compile(r"column \d+|[-+]?[\d.,]+")  # names of columns if the header is missing


@dataclass(frozen=True)
class AdoptOptions:
    """The roles of columns that the user chose; the others are inferred."""

    target: str
    task: Task | None = None
    key: tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass
class ContractDraft:
    """The content of contract.yaml, and remarks on what the user should check."""

    contract: dict[str, Any]
    remarks: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    rows: Counts = NO_ROWS
    classes: dict[str, int] = field(default_factory=dict)


def draft(raw: Path, options: AdoptOptions) -> ContractDraft:
    """Draft the contract of the table in *raw*, read one column at a time.

    Raises ProjectError if no model can be trained on the table.
    """
    file = pq.ParquetFile(raw)
    names = file.schema_arrow.names
    _check_names(names, options)
    decimal, markers = columns.reading(file)
    truth = columns.infer(file, options.target, decimal, markers)
    task, entry = target.describe(file, options.target, truth, options.task)
    profiles, groups, remarks = _profiles(file, options, decimal, markers, truth.values, task)
    time = roles.find_time(profiles, options.time)
    key = roles.find_key(file, profiles, options.key)
    group = roles.find_group(profiles, groups, options.group, (*key, time))
    if group and not options.group:
        remarks.append(roles.repeats(group, groups[group], len(truth.values), time))
        group = None if time else group
    if group:
        profiles[group].entry = {"type": "text"} | {k: v for k, v in profiles[group].entry.items() if k == "missing"}
    for name in key:
        words = {part: value for part, value in profiles[name].entry.items() if part == "na_values"}
        profiles[name].entry = profiles[name].entry if name == time else {"type": "text", **words}
    if time and not options.time:
        remarks.append(f"{time} is used as the time of a row: the newest rows are the test part (or set TIME=none)")
    if not time and not options.time:
        remarks += times.proposals(profiles)
    reasons = {name: profile.entry.get("ignore") for name, profile in profiles.items()}
    if all(reason or (name in (*key, group) and name != time) for name, reason in reasons.items()):
        excluded = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        raise ProjectError(f"no column is left to predict {options.target} from: {excluded or 'all are key columns'}")
    parts = {"key": list(key), "time": time, "group": group, "min_rows": max(10, int(truth.values.count()) // 2)}
    contract = {"task": task, "target": options.target} | {part: value for part, value in parts.items() if value}
    contract |= {"decimal": decimal} if decimal != "." else {}
    entries = {name: entry if name == options.target else profiles[name].entry for name in names}
    entries |= {name: profile.entry for name, profile in profiles.items() if name not in entries}  # joined from others
    rows = Counts(len(truth.values), int(truth.values.isna().sum()))
    classes = {} if task == "regression" else {str(k): int(n) for k, n in truth.values.value_counts().items()}
    return ContractDraft(contract | {"columns": entries}, truth.remarks + remarks, rows=rows, classes=classes)


def _profiles(
    file: pq.ParquetFile,
    options: AdoptOptions,
    decimal: str,
    markers: frozenset[str],
    truth: pd.Series,
    task: Task,
) -> tuple[dict[str, ColumnProfile], dict[str, int], list[str]]:
    """Return the profiles of all columns but the target, without values, the numbers of groups, and remarks."""
    filled = np.flatnonzero(truth.notna())
    rows = filled[evenly_spaced(len(filled), LEAKAGE_ROWS)]
    labels, remarks = truth.iloc[rows], []
    profiles: dict[str, ColumnProfile] = {}
    groups: dict[str, int] = {}
    names = [name for name in file.schema_arrow.names if name != options.target]
    with click.progressbar(names, label="reading columns") as bar:
        for name in bar:
            profile = identifiers.as_category(file, name, columns.infer(file, name, decimal, markers), decimal)
            groups[name] = identifiers.repeats(name, profile)
            if name in options.ignore:
                profile.entry = {"type": "text", "missing": True, "ignore": "left out on request"}
            else:
                remarks += profile.remarks
            if not {"ignore", "words"} & set(profile.entry) and name not in options.key:
                remarks += _leaks(name, profile, options.target, labels, task, rows)
            profiles[name] = replace(profile, values=NO_VALUES)  # a slice would keep all values in memory
    return profiles, groups, remarks


def _check_names(names: list[str], options: AdoptOptions) -> None:
    time, group = (() if name in (None, "none") else (name,) for name in (options.time, options.group))
    columns_by_option = {"TARGET": (options.target,), "KEY": options.key, "TIME": time, "GROUP": group}
    columns_by_option["IGNORE"] = options.ignore
    for option, chosen in columns_by_option.items():
        for name in chosen:
            if name not in names:
                hint = " (set HEADER= to the line that names them)" if any(map(UNNAMED.fullmatch, names)) else ""
                hint = hint or (" (set SEPARATOR= to what separates them)" if len(names) == 1 else "")
                raise ProjectError(f"{option}={name}: no such column; the columns are {', '.join(names)}{hint}")
    if options.target in (*options.key, *time, *group, *options.ignore):
        raise ProjectError(f"TARGET={options.target}: is also chosen as key, as time, as group, or to be ignored")
    if len(names) < 2:
        raise ProjectError(f"the table has only the column {names[0]}: add the columns to predict it from")


def _leaks(name: str, profile: ColumnProfile, goal: str, labels: pd.Series, task: Task, rows: np.ndarray) -> list[str]:
    """Leave out a column that leaks the target; raises ProjectError if it is a copy of the target."""
    values = profile.values.iloc[rows]
    if target.same(values, labels, task):
        raise ProjectError(f"{name}: is a copy of the target {goal}: leave it out with IGNORE='{name}'")
    score = predictiveness(values, labels, task)
    if score >= LEAK_SCORE:
        profile.entry = {"type": "text", "missing": True, "ignore": f"leaks {goal} (predicts it alone: {score:.4f})"}
    elif score >= SUSPICIOUS_SCORE:
        return [f"{name} alone predicts {goal} ({score:.3f}): is it known at the time of a prediction?"]
    return []
