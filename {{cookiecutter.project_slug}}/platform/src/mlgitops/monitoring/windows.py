"""What chance explains: windows of the reference itself, as long as the recent rows, against the rest of it.

Rows that are close in time are alike: the flights of one hour share one weather. A week that is cut from the reference
differs from it by far more than as many rows drawn at random.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..data.distribution import Distribution, shift, strings
from ..data.spacing import evenly_spaced

WINDOWS = 20


@dataclass(frozen=True)
class Usual:
    """The largest index (PSI), and the largest share of unseen values, among windows of the reference."""

    psi: float
    unseen: float


def usual(reference: pd.Series, bins: Distribution, length: int) -> Usual:
    """Return what windows of *length* rows of *reference*, which is in the order of time, reach; *bins* are its own.

    A window has at most half of the rows, so that the rest is a reference; shorter windows differ by more, not less.
    """
    rows = len(reference)
    length = min(length, rows // 2)
    if not length:
        return Usual(0.0, 0.0)
    places, new = _places(reference, bins), _NewValues(reference)
    indexes, shares = [0.0], [0.0]
    for start in evenly_spaced(rows - length + 1, WINDOWS).tolist():
        inside = np.bincount(places[start : start + length], minlength=len(bins.counts) + 2)
        rest = np.array([*bins.counts, bins.others, bins.missing]) - inside
        indexes.append(shift(_filled(bins, rest), _filled(bins, inside)).psi)
        shares.append(new.share(start, start + length))
    return Usual(max(indexes), max(shares))


def unseen(reference: pd.Series, recent: pd.Series) -> float:
    """Return the share of *recent* with a category, or a number outside the range, that *reference* does not have."""
    if not len(recent):
        return 0.0
    if pd.api.types.is_float_dtype(recent):
        return float((recent.notna() & ~recent.between(reference.min(), reference.max())).mean())
    values = strings(recent)
    return float((values.notna() & ~values.isin(strings(reference).unique())).mean())


class _NewValues:
    """Which rows of a window have a value that the rest of the reference does not have."""

    def __init__(self, reference: pd.Series) -> None:
        self._numbers = reference.to_numpy(dtype="float64") if pd.api.types.is_float_dtype(reference) else None
        codes, values = pd.factorize(strings(reference))
        self._codes, positions = codes, np.arange(len(codes))
        self._first, self._last = np.full(len(values) + 1, len(codes)), np.full(len(values) + 1, -1)
        np.minimum.at(self._first, codes, positions)
        np.maximum.at(self._last, codes, positions)

    def share(self, start: int, end: int) -> float:
        """Return their share in the window from *start* to *end*."""
        if self._numbers is not None:
            window, rest = self._numbers[start:end], np.r_[self._numbers[:start], self._numbers[end:]]
            if np.isnan(rest).all():
                return float((~np.isnan(window)).mean())
            return float(((window < np.nanmin(rest)) | (window > np.nanmax(rest))).mean())
        codes = self._codes[start:end]
        return float(((codes >= 0) & (self._first[codes] >= start) & (self._last[codes] < end)).mean())


def _places(values: pd.Series, bins: Distribution) -> np.ndarray:
    """Return the bin of each row, in the order of `Distribution.labels`."""
    if not bins.categories and bins.counts:
        places = np.searchsorted(np.array(bins.cuts), values.to_numpy(dtype="float64"), side="left")
    else:
        places = pd.Index(bins.categories, dtype=object).get_indexer(strings(values).astype(object))
        places = np.where(places < 0, len(bins.counts), places)
    return np.where(values.isna(), len(bins.counts) + 1, places)


def _filled(bins: Distribution, counts: np.ndarray) -> Distribution:
    *named, others, missing = counts.tolist()
    return replace(bins, counts=tuple(named), others=others, missing=missing)
