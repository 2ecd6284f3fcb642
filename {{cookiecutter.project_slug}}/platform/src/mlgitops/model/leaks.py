"""Finds the columns that leak the target: one alone, a sum or product of several, or a small set together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ..common.record import Record
from ..contract.contract import Contract, Task
from ..data import frame
from ..data.spacing import evenly_spaced
from .formulas import formula
from .metrics import primary
from .predictiveness import coded, predictiveness

MAX_ROWS = 3000
SUSPICIOUS, ALONE, TOGETHER = 0.98, 0.99, 0.999  # of the primary metric: worth a search, of one column, of several
MAX_COLUMNS, MAX_SETS = 10, 3  # of a set that leaks, and of sets
BOOSTING: dict[str, Any] = {"max_iter": 40, "max_leaf_nodes": 15, "early_stopping": False, "random_state": 0}


@dataclass(frozen=True)
class Leak(Record):
    """Columns that determine the target, or almost: how well they predict it, and a formula if there is one."""

    columns: tuple[str, ...]
    score: float
    formula: str = ""

    def explain(self, target: str, metric: str) -> str:
        """Return the leak in words."""
        if self.formula:
            return f"{target} = {self.formula}"
        names = ", ".join(self.columns)
        joined = f"{names} alone predicts" if len(self.columns) == 1 else f"together, {names} predict"
        return f"{joined} {target} ({metric} {self.score:.4f})"


def leaks(contract: Contract, rows: pd.DataFrame, score: float) -> tuple[Leak, ...]:
    """Return the leaks in typed *rows*, with which a model has the cross-validated primary metric *score*."""
    sample = rows.iloc[evenly_spaced(len(rows), MAX_ROWS)]
    truth = frame.target(sample, contract)
    inputs = {name: coded(sample[name]) for name, column in contract.inputs.items() if column.type != "text"}
    exact = formula(_numbers(contract, sample), truth) if contract.task == "regression" else None
    results = [Leak(exact.columns, exact.score, exact.text)] if exact else []
    if score >= SUSPICIOUS:
        left = [name for name in inputs if exact is None or name not in exact.columns]
        alone = {name: predictiveness(sample[name], sample[contract.target], contract.task) for name in left}
        results += [Leak((name,), value) for name, value in alone.items() if value >= ALONE]
    if score >= TOGETHER and not results:
        results += _sets(contract.task, inputs, truth)
    return tuple(results)


def _numbers(contract: Contract, rows: pd.DataFrame) -> pd.DataFrame:
    names = [name for name, column in contract.inputs.items() if column.type in ("number", "integer")]
    return rows[names].astype("float64")


def _sets(task: Task, inputs: dict[str, np.ndarray], truth: np.ndarray) -> list[Leak]:
    """Return small sets of columns, each of which predicts the target almost perfectly."""
    results: list[Leak] = []
    left = list(inputs)
    while len(results) < MAX_SETS and len(left) > 1 and (leak := _smallest(task, inputs, left, truth)):
        results.append(leak)
        left = [name for name in left if name not in leak.columns]
    return results


def _smallest(task: Task, inputs: dict[str, np.ndarray], names: Sequence[str], truth: np.ndarray) -> Leak | None:
    """Return a smallest set of the columns *names* that predicts the target, or None."""

    def score(chosen: Sequence[str]) -> float:
        return _predicted(task, np.column_stack([inputs[name] for name in chosen]), truth)

    goal = TOGETHER - 0.0005  # the search knows fewer rows than the model
    if score(names) < goal:
        return None
    ranked = _ranked(task, inputs, names, truth)[:MAX_COLUMNS]
    size = next((size for size in range(1, len(ranked) + 1) if score(ranked[:size]) >= goal), 0)
    chosen = ranked[:size]
    for name in chosen[::-1]:
        fewer = [other for other in chosen if other != name]
        if fewer and score(fewer) >= goal:
            chosen = fewer
    return Leak(tuple(name for name in names if name in chosen), score(chosen)) if chosen else None


def _ranked(task: Task, inputs: dict[str, np.ndarray], names: Sequence[str], truth: np.ndarray) -> list[str]:
    """Return *names* by how much shuffling each worsens the predictions, the most important first."""
    values = np.column_stack([inputs[name] for name in names])
    train, test = _halves(len(truth))
    model = _model(task).fit(values[train], truth[train])
    shuffled, worsened = np.random.default_rng(0).permutation(len(test)), []
    expected = _answers(task, model, values[test])
    for position in range(len(names)):
        changed = values[test].copy()
        changed[:, position] = changed[shuffled, position]
        worsened.append(float(np.abs(_answers(task, model, changed) - expected).mean()))
    return [names[position] for position in np.argsort(-np.array(worsened), kind="stable")]


def _predicted(task: Task, values: np.ndarray, truth: np.ndarray) -> float:
    train, test = _halves(len(truth))
    if task != "regression" and len(np.unique(truth[train])) < len(np.unique(truth)):
        return 0.0
    model = _model(task).fit(values[train], truth[train])
    score = primary(task, truth[test], _answers(task, model, values[test]))
    return 0.0 if np.isnan(score) else score


def _halves(count: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(count)
    return order[: count * 2 // 3], order[count * 2 // 3 :]


def _model(task: Task) -> Any:
    return (HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier)(**BOOSTING)


def _answers(task: Task, model: Any, values: np.ndarray) -> np.ndarray:
    answers: np.ndarray = model.predict(values) if task == "regression" else model.predict_proba(values)
    return answers
