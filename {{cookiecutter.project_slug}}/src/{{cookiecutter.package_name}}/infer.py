"""Infers a contract from a table: what each column holds, and which ones the model should not see."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from . import table
from .contract import Task
from .metrics import primary

FORMATS = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y"]
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"]
UNKNOWN = {
    "?",
    "-",
    "--",
    ".",
    "unknown",
    "missing",
    "none",
    "not available",
    "(null)",
    "#value!",
    "#div/0!",
    "inf",
    "*",
}
IDENTIFIER = re.compile(
    r"(^|[\s_.-])(id|ids|key|uuid|guid|index|no|nr|number|row|unnamed|rownames)([\s_.:\d-]|$)|[a-z]I[dD]$", re.I
)
MOMENT = re.compile(r"date|time|when|timestamp|created|month|day", re.I)
BIRTH = re.compile(r"birth|dob|born|built|expir|due|until|end", re.I)
POSITIVE = {
    "1",
    "true",
    "yes",
    "y",
    "t",
    "positive",
    "pos",
    "bad",
    "spam",
    "fraud",
    "churn",
    "churned",
    "malignant",
    "m",
    "+",
    ">50k",
}
LEVELS = 50  # a category of more values than this is left open


@dataclass
class Found:
    """What was found out about one column: its entry in the contract, and remarks for the person who reads it."""

    entry: dict[str, Any]
    cells: pd.Series
    identifier: bool = False
    unsure: list[str] = field(default_factory=list)


def decimal_mark(columns: Iterable[pd.Series]) -> str:
    """Return the decimal mark of a table: a comma only where some column needs it and none needs a point."""
    comma = False
    for cells in columns:
        some = cells.dropna().head(10_000)
        if not pd.api.types.is_string_dtype(some):
            continue
        if some.str.contains(r"\d\.\d", regex=True).any() and table.numbers(some).notna().all():
            return "."
        comma |= bool(len(some) and table.numbers(some).isna().any() and table.numbers(some, ",").notna().all())
    return "," if comma else "."


def column(name: str, cells: pd.Series, decimal: str) -> tuple[Found, set[str]]:
    """Return what *cells* hold, and the texts in them that stand for an empty cell."""
    filled = cells.dropna()
    missing = 1 - len(filled) / len(cells)
    if filled.empty:
        return Found({"type": "text", "missing": True, "ignore": "no value in any row"}, cells), set()
    empty: set[str] = set()
    entry, typed = _typed(filled, decimal)
    if entry["type"] == "category":
        words = filled[table.numbers(filled, decimal).isna()].unique()
        if len(words) <= 3 and {str(word).lower() for word in words} <= UNKNOWN:
            empty = set(map(str, words))
            return column(name, cells.mask(cells.isin(words)), decimal)[0], empty
    found = Found(entry, typed.reindex(cells.index))
    distinct = typed.nunique()
    if missing:
        entry["missing"] = True if missing > 0.5 else round(min(1.0, missing * 1.5 + 0.05), 2)
    if distinct == 1 and not missing:
        found.entry = {"type": "text", "ignore": "the same value in every row"}
    elif entry["type"] == "category":
        _category(found, distinct, len(filled))
    elif entry["type"] == "integer":
        found.identifier = _counts_rows(name, typed, distinct, missing)
    if found.identifier:
        found.entry = {"type": "text", "ignore": "identifies the row"} | ({"missing": True} if missing else {})
    return found, empty


def _typed(filled: pd.Series, decimal: str) -> tuple[dict[str, Any], pd.Series]:
    if pd.api.types.is_bool_dtype(filled):
        return {"type": "boolean"}, filled.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(filled):
        return _moment(table.moments(filled), None)
    if pd.api.types.is_numeric_dtype(filled):
        return _number(filled.astype("float64"))
    texts = filled.astype("string").str.strip()
    if set(texts.head(1000).str.lower()) <= {"true", "false"} and set(texts.str.lower()) == {"true", "false"}:
        return {"type": "boolean"}, (texts.str.lower() == "true").astype("float64")
    if not texts.str.match(r"^0\d").any():  # 00123 is a code, not a number
        numbers = table.numbers(texts, decimal)
        if numbers.notna().all():
            return _number(numbers)
    written = _date_format(texts)
    if written is not False:
        return _moment(table.moments(texts, written), written)
    return {"type": "category"}, texts


def _number(numbers: pd.Series) -> tuple[dict[str, Any], pd.Series]:
    whole = bool((numbers % 1 == 0).all())
    low, high = bounds(float(numbers.min()), float(numbers.max()))
    return {"type": "integer" if whole else "number", "min": low, "max": high}, numbers


def bounds(low: float, high: float) -> tuple[float, float]:
    """Return a range with room on both sides, in round numbers; what is never negative, or a share, stays so."""
    if 0 <= low and high <= 1:
        return 0, 1
    room = (high - low) / 2 or abs(high) or 1
    return (0 if low >= 0 else _rounded(low - room, floor)), (0 if high <= 0 else _rounded(high + room, ceil))


def _rounded(number: float, way: Callable[[float], int]) -> float:
    unit = 10.0 ** (floor(log10(abs(number))) - 1) if number else 1.0
    rounded = float(f"{way(number / unit) * unit:.12g}")
    return int(rounded) if rounded % 1 == 0 else rounded


def _moment(moments: pd.Series, written: str | None) -> tuple[dict[str, Any], pd.Series]:
    day = bool((moments == moments.dt.normalize()).all())
    entry: dict[str, Any] = {"type": "date" if day else "datetime", "min": moments.min().replace(month=1, day=1).date()}
    return entry | ({"format": written} if written else {}), moments


def _date_format(texts: pd.Series) -> str | None | bool:
    """Return how *texts* write dates: None for ISO, a format, or False where they are no dates."""
    some = texts.drop_duplicates()
    if not some.head(100).str.contains(r"\d", regex=True).all():
        return False
    for written in (None, *(day + clock for day in FORMATS for clock in CLOCKS)):
        if table.moments(some.head(50), written).notna().all() and table.moments(some, written).notna().all():
            return written
    return False


def _category(found: Found, distinct: int, rows: int) -> None:
    texts = found.cells.dropna()
    words = texts.head(10_000).str.count(" ").mean()
    if distinct > 0.5 * rows and (words > 3 or texts.head(10_000).str.len().mean() > 60):
        found.entry |= {"type": "text", "ignore": "free text"}
    elif distinct > 0.9 * rows and rows > 20:
        found.identifier = True
    elif distinct <= min(LEVELS, max(2, rows // 3)):
        found.entry["values"] = sorted(map(str, texts.unique()))


def _counts_rows(name: str, numbers: pd.Series, distinct: int, missing: float) -> bool:
    """Return whether whole numbers only number the rows."""
    if distinct < len(numbers) or missing or len(numbers) < 20:
        return False
    return bool(IDENTIFIER.search(name)) or numbers.max() - numbers.min() + 1 == distinct


def target_entry(found: Found, task: Task | None) -> tuple[Task, dict[str, Any]]:
    """Return the task that fits a target, and the target's entry in the contract; *task* is what the user asked for."""
    cells, entry = found.cells.dropna(), dict(found.entry)
    distinct = sorted(cells.unique())
    entry.pop("ignore", None)
    numeric = entry["type"] in ("number", "integer")
    if task is None:
        few = len(distinct) <= (10 if entry["type"] == "integer" else 2)
        task = "regression" if numeric and not few else "binary" if len(distinct) == 2 else "multiclass"
    missing = {"missing": True} if "missing" in entry else {}
    if task == "regression":
        return task, {"type": entry["type"], **missing}
    if entry["type"] == "boolean" or (task == "binary" and distinct in ([0, 1], [0.0, 1.0])):
        return task, {"type": "boolean", **missing}
    labels = [f"{value:g}" if numeric else str(value) for value in distinct]
    if task == "binary":
        counts = cells.value_counts()
        known = [label for label in labels if label.strip(". ").lower() in POSITIVE]
        rarer = labels[0] if counts[distinct[0]] < counts[distinct[1]] else labels[1]
        labels.sort(key=lambda label: label == (known[0] if len(known) == 1 else rarer))
    return task, {"type": "category", "values": labels, **missing}


def time_column(found: dict[str, Found]) -> str | None:
    """Return the column that says when a row happened, if one surely does."""
    moments = [
        name
        for name, what in found.items()
        if what.entry["type"] in ("date", "datetime")
        and "missing" not in what.entry
        and MOMENT.search(name)
        and not BIRTH.search(name)
    ]
    return moments[0] if len(moments) == 1 else None


def foretells(cells: pd.Series, truth: pd.Series, task: Task) -> float:
    """Return how well one column alone tells the target: the task's primary metric of a small tree, cross-validated."""
    numbers = cells.astype("int64") if pd.api.types.is_datetime64_any_dtype(cells) else cells
    if not pd.api.types.is_numeric_dtype(numbers):
        numbers = pd.Series(pd.factorize(numbers)[0])
    inputs = numbers.astype("float64").fillna(-1e12).to_numpy().reshape(-1, 1)
    if task == "regression":
        number: Any = DecisionTreeRegressor(min_samples_leaf=5, random_state=0)
        known = truth.to_numpy(dtype="float64")
        return primary(task, known, cross_val_predict(number, inputs, known, cv=3))
    codes = pd.factorize(truth, sort=True)[0]
    if np.bincount(codes).min() < 3:
        return 0.0
    tree: Any = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
    return primary(task, codes, cross_val_predict(tree, inputs, codes, cv=3, method="predict_proba"))


def same(cells: pd.Series, truth: pd.Series) -> bool:
    """Return whether a column is the target again, under whatever labels."""
    codes, others = pd.factorize(cells)[0], pd.factorize(truth)[0]
    return bool((codes == others).all())


def sample(count: int, most: int) -> np.ndarray:
    """Return the positions of at most *most* of *count* rows, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
