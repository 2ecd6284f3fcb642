"""The scores that any model has to beat: those of always predicting the same."""

import numpy as np

from ..contract.contract import Contract
from ..data.profile import Profile
from ..model import metrics


def scores(contract: Contract, truth: np.ndarray, profile: Profile | None) -> dict[str, float]:
    """Return every metric of always predicting the most frequent class, with its share, or the mean of a number.

    They are those of the train part, or of the rows themselves where no profile of the train part is known.
    """
    if contract.task == "regression":
        mean = _recorded_mean(contract, profile)
        return metrics.scores(contract, truth, np.full(len(truth), truth.mean() if mean is None else mean), 0.5)
    shares = _recorded_shares(contract, profile)
    if shares is None:
        shares = np.bincount(truth, minlength=len(contract.classes)) / max(len(truth), 1)
    return metrics.scores(contract, truth, np.tile(shares, (len(truth), 1)), 0.5)


def _recorded_mean(contract: Contract, profile: Profile | None) -> float | None:
    train = profile.parts.get("train") if profile else None
    recorded = train.columns.get(contract.target) if train else None
    return recorded.mean if recorded else None


def _recorded_shares(contract: Contract, profile: Profile | None) -> np.ndarray | None:
    train = profile.parts.get("train") if profile else None
    recorded = train.columns.get(contract.target) if train else None
    if not recorded or not recorded.distribution:
        return None
    counts = dict(zip(recorded.distribution.categories, recorded.distribution.counts, strict=False))
    ordered = np.array([counts.get(label, 0) for label in contract.classes], dtype="float64")
    return np.asarray(ordered / ordered.sum()) if ordered.sum() else None
