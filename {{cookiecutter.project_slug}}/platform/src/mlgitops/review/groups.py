"""How two models differ in groups of the rows: slices along the contract's columns, and classes."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import metrics
from ..model.slices import slices
from . import compare
from .compare import Answers

LOOKED_AT = 8  # slices whose intervals are computed because they moved most


def by_slice(
    rows: pd.DataFrame, contract: Contract, candidate: Answers, champion: Answers | None, params: Params
) -> list[dict[str, Any]]:
    """Return the primary metric of both models in every slice, those that moved most (or are lowest) first.

    Intervals are computed for the first few and for those under the floor; `below` says that a slice is under the floor
    with its whole interval.
    """
    floor, truth, name = (
        params.review.gates.min_slice_score,
        frame.target(rows, contract),
        metrics.PRIMARY[contract.task],
    )
    found = slices(contract, rows, candidate.predicted, params.evaluate).rename(columns={name: "candidate"})
    if champion:
        found["champion"] = slices(contract, rows, champion.predicted, params.evaluate)[name]
        found["difference"] = found["candidate"] - found["champion"]
        order = -found["difference"].abs() * np.sqrt(found["rows"])  # what moved most against its noise
    else:
        found["champion"], found["difference"], order = None, None, found["candidate"]
    ranked: list[dict[str, Any]] = found.loc[order.sort_values(kind="stable").index].to_dict("records")
    for rank, one in enumerate(ranked):
        one |= dict.fromkeys(("candidate_low", "candidate_high", "low", "high", "verdict"), None) | {"below": False}
        under = floor is not None and one["candidate"] < floor
        if not under and rank >= LOOKED_AT:
            continue
        at = (rows[one["column"]].astype("string").fillna("missing") == one["value"]).to_numpy()
        models = [Answers(model.predicted[at], model.threshold) for model in (candidate, champion) if model]
        drawn = compare.draw(contract, truth[at], models, params.review)
        exact = [score for score in (one["candidate"], one["champion"]) if score is not None]
        one |= compare.compared(exact, [scores[name] for scores in drawn], smaller=False)
        one["below"] = bool(floor is not None and one["candidate_high"] < floor)
    return ranked


def by_class(
    contract: Contract, truth: np.ndarray, candidate: Answers, champion: Answers | None
) -> list[dict[str, Any]]:
    """Return the F1 score of both models for every one of several classes."""
    if contract.task != "multiclass":
        return []
    labels = range(len(contract.classes))

    def scores(model: Answers) -> np.ndarray:
        found: np.ndarray = sk.f1_score(
            truth, model.predicted.argmax(axis=1), labels=labels, average=None, zero_division=0
        )
        return found

    new, old = scores(candidate), scores(champion) if champion else None
    return [
        {"value": label, "rows": int((truth == position).sum()), "candidate": float(new[position])}
        | {"champion": None if old is None else float(old[position])}
        | {"difference": None if old is None else float(new[position] - old[position])}
        for position, label in enumerate(contract.classes)
    ]
