"""Compares the predictions of two models on the same rows: which classes they confuse, and how they change."""

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..model.metrics import decided, finite
from .compare import Predictions
from .performance import Confusion, Movement


def confusion(
    contract: Contract, truth: np.ndarray, candidate: Predictions, champion: Predictions | None
) -> Confusion | None:
    """Return the rows by actual and predicted class; None for numbers."""
    if not contract.classes:
        return None
    size = len(contract.classes)

    def counts(model: Predictions) -> tuple[tuple[int, ...], ...]:
        codes = truth * size + decided(contract, *model)
        return tuple(map(tuple, np.bincount(codes, minlength=size**2).reshape(size, size).tolist()))

    return Confusion(contract.classes, counts(candidate), counts(champion) if champion else None)


def movement(contract: Contract, truth: np.ndarray, candidate: Predictions, champion: Predictions) -> Movement:
    """Return how the predictions change from champion to candidate: classes, amounts, order."""
    new, old = candidate.values.astype("float64"), champion.values.astype("float64")
    if not contract.classes:
        return Movement(None, None, None, float(np.abs(new - old).mean()), _rank(new, old))
    after, before = (decided(contract, *model) for model in (candidate, champion))
    changed = after != before
    return Movement(
        changed_share=float(changed.mean()),
        became_right=int((changed & (after == truth)).sum()),
        became_wrong=int((changed & (before == truth)).sum()),
        mean_absolute_change=float(np.abs(new - old).sum(axis=1).mean() / 2),
        rank_correlation=_rank(new[:, 1], old[:, 1]) if contract.task == "binary" else None,
    )


def _rank(new: np.ndarray, old: np.ndarray) -> float | None:
    if min(np.ptp(new), np.ptp(old)) == 0:
        return None
    return finite(np.corrcoef(pd.Series(new).rank(), pd.Series(old).rank())[0, 1])
