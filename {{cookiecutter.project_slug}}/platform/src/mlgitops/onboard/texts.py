"""Decides whether the words of free text are features: only where they improve the predictions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Params
from ..data.spacing import evenly_spaced
from ..model import metrics
from .candidates import candidates
from .race import FEW_FOLDS, mean, predict

MAX_ROWS = 3000  # on which words are tried
MIN_GAIN, CHANCE = 0.01, 0.5  # of the primary metric; what chance gains, over the root of the rows
NO_USE = "free text, whose words do not improve the predictions"


@dataclass(frozen=True)
class Texts:
    """The columns of free text that help, each with a sentence that says so, and those that do not."""

    helpful: dict[str, str]
    useless: tuple[str, ...]


def decide(contract: Contract, params: Params, rows: pd.DataFrame) -> Texts:
    """Return which columns of free text improve a linear model; all of them if there is no other column."""
    names = [name for name, column in contract.inputs.items() if column.words]
    if len(names) == len(contract.inputs):
        sentences = {name: _sentence(contract, name, "there is no other column") for name in names}
        return Texts(sentences, ())
    few = rows.iloc[evenly_spaced(len(rows), MAX_ROWS)]
    helpful: dict[str, str] = {}
    before = _score(without(contract, names), params, few) if names else 0.0
    for name in names:
        after = _score(without(contract, [other for other in names if other != name]), params, few)
        if after > before + max(MIN_GAIN, CHANCE / np.sqrt(len(few))):
            metric = metrics.PRIMARY[contract.task]
            helpful[name] = _sentence(contract, name, f"{metric} {after:.3f} instead of {before:.3f} without it")
    return Texts(helpful, tuple(name for name in names if name not in helpful))


def without(contract: Contract, names: list[str]) -> Contract:
    """Return *contract* with the columns *names* left out."""
    left_out = {"words": None, "ignore": NO_USE}
    columns = {n: c.model_copy(update=left_out) if n in names else c for n, c in contract.columns.items()}
    fields = {name: getattr(contract, name) for name in Contract.model_fields}  # a copy would keep cached features
    return Contract.model_validate(fields | {"columns": columns})


def _score(contract: Contract, params: Params, rows: pd.DataFrame) -> float:
    linear = [candidate for candidate in candidates(contract) if candidate["algorithm"] == "linear"]
    return mean(predict(contract, params, linear[1:2], rows, FEW_FOLDS)[0])


def _sentence(contract: Contract, name: str, reason: str) -> str:
    count = contract.columns[name].words
    return f"text: {name}: {count} words and pairs of words are features (words): {reason}"
