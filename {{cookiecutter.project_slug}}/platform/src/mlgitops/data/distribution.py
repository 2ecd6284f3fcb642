"""The distribution of a column as counts by bin, and how far two distributions are apart (PSI)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import chdtri

from ..common.record import Record

NUMBER_BINS = 10  # quantiles of the rows that the bins are derived from
CATEGORY_BINS = 20  # the most frequent categories; all others share one more bin
FALSE_ALARM_RATE = 0.001  # significance level: share of unchanged columns whose index exceeds `chance`
MISSING, OTHERS = "missing", "others"


@dataclass(frozen=True)
class Distribution(Record):
    """Rows by bin: numbers between *cuts*, upper ends included, or *categories*; *others* are all other categories."""

    cuts: tuple[float, ...]
    categories: tuple[str, ...]
    counts: tuple[int, ...]
    others: int
    missing: int

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.counts) + self.others + self.missing

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all bins: those of `counts`, then others and missing."""
        named = self.categories or (_intervals(self.cuts) if self.counts else ())
        return (*named, OTHERS, MISSING)

    @property
    def shares(self) -> np.ndarray:
        """The share of rows in each bin, in the order of `labels`; zeros without rows."""
        counts = np.array([*self.counts, self.others, self.missing], dtype="float64")
        return np.asarray(counts / max(self.rows, 1))


@dataclass(frozen=True)
class Shift(Record):
    """The difference of two distributions: the index, what chance alone can reach, and the bin that changed most."""

    psi: float
    chance: float
    moved: str
    before: float
    after: float


def distribution(values: pd.Series, categories: Sequence[str] = (), min_rows: int = 1) -> Distribution:
    """Return the distribution of *values* in bins derived from them.

    *categories* always have a bin; of other values, those in at least *min_rows* rows may have one.
    """
    if _numeric(values):
        cuts = np.unique(values.quantile(np.linspace(0, 1, NUMBER_BINS + 1)[1:-1]).dropna())  # empty without numbers
        return count(values, Distribution(tuple(cuts.tolist()), (), (0,), 0, 0))
    return of_frequency(strings(values).value_counts(), int(values.isna().sum()), categories, min_rows)


def of_frequency(frequency: pd.Series, missing: int, categories: Sequence[str] = (), min_rows: int = 1) -> Distribution:
    """Return the same for categories of which the *frequency* of each is known, and how many rows have none."""
    frequent = frequency[frequency >= min_rows]
    ranked = sorted(frequent.index, key=lambda value: (-frequent[value], value))[:CATEGORY_BINS]
    return _named(frequency, missing, tuple(dict.fromkeys([*categories, *ranked])))


def _named(frequency: pd.Series, missing: int, categories: tuple[str, ...]) -> Distribution:
    counts = tuple(int(frequency.get(name, 0)) for name in categories)
    return Distribution((), categories, counts, int(frequency.sum()) - sum(counts), missing)


def count(values: pd.Series, bins: Distribution) -> Distribution:
    """Return the distribution of *values* in the bins of another one."""
    absent = values.isna().to_numpy()
    missing = int(absent.sum())
    if not bins.categories and _numeric(values):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        numbers = numbers[~absent] if missing else numbers
        places = np.searchsorted(np.array(bins.cuts), numbers, side="left")
        counts = np.bincount(places, minlength=len(bins.cuts) + 1)
        return Distribution(bins.cuts, (), tuple(counts.tolist()), 0, missing)
    return _named(strings(values).value_counts(), missing, bins.categories)


def shift(before: Distribution, after: Distribution) -> Shift:
    """Return the population stability index (PSI) of two distributions in the same bins."""
    sizes = max(before.rows, 1), max(after.rows, 1)
    present = (before.shares + after.shares) > 0
    old, new = before.shares[present], after.shares[present]
    if not len(old):  # no rows on either side
        return Shift(0.0, 0.0, MISSING, 0.0, 0.0)
    smooth = [np.clip(shares, 0.5 / size, None) for shares, size in zip((old, new), sizes, strict=True)]
    index = float(((smooth[1] - smooth[0]) * np.log(smooth[1] / smooth[0])).sum())
    # for two samples of one population, index / sum(1 / size) has a chi-square distribution
    chance = float(chdtri(max(len(old) - 1, 1), FALSE_ALARM_RATE)) * sum(1 / size for size in sizes)
    moved = int(np.abs(new - old).argmax())
    label = np.array(before.labels, dtype=object)[present][moved]
    return Shift(index, chance, str(label), float(old[moved]), float(new[moved]))


def strings(values: pd.Series) -> pd.Series:
    """Return categories as strings, and booleans as the contract writes them."""
    text = values.astype("string")
    return text.str.lower() if pd.api.types.infer_dtype(values, skipna=True) == "boolean" else text


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _intervals(cuts: Sequence[float]) -> tuple[str, ...]:
    if not cuts:
        return ("any number",)
    between = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(cuts)]
    return (f"up to {cuts[0]:.6g}", *between, f"above {cuts[-1]:.6g}")
