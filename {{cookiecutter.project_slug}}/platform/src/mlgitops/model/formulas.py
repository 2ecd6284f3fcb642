"""Finds the sum or product of columns that equals a number, such as total = part A + part B."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

EXACT = 0.9999  # r2 on rows that were not used to find the formula
MAX_TERMS = 10
ROWS_PER_COLUMN = 4
ROUND = 0.01  # how near a factor must be to 1 to be left out of the text


class Formula(NamedTuple):
    """The columns of a formula, its r2, and its text."""

    columns: tuple[str, ...]
    score: float
    text: str


def formula(numbers: pd.DataFrame, truth: np.ndarray) -> Formula | None:
    """Return the shortest sum, or else product, of columns of *numbers* that equals *truth*, or None."""
    usable = numbers.loc[:, numbers.isna().mean() < 0.2].dropna()
    usable = usable.loc[:, usable.nunique() > 1]
    kept = truth[numbers.index.get_indexer(usable.index)]
    if (terms := _exact(usable, kept)) is not None:
        text = "".join(_term(factor, name) for name, factor in terms.items())
        return Formula(tuple(terms.index), EXACT, text.removeprefix(" + ").lstrip())
    positive = usable.loc[:, (usable > 0).all()]
    if not len(kept) or kept.min() <= 0 or (terms := _exact(np.log(positive), np.log(kept))) is None:
        return None
    if len(terms) > 1 and not np.allclose(terms.abs(), 1, atol=ROUND):
        return None
    return Formula(tuple(terms.index), EXACT, _product(terms))


def _exact(numbers: pd.DataFrame, truth: np.ndarray) -> pd.Series | None:
    """Return the factors of the fewest columns whose weighted sum, plus a constant, is *truth*; None without any."""
    names = list(numbers)
    if not names or len(truth) < ROWS_PER_COLUMN * (len(names) + 1) or not _fit(numbers, names, truth)[0] >= EXACT:
        return None
    weights = _fit(numbers, names, truth)[1].abs() * numbers.std()
    for name in weights.sort_values().index:
        fewer = [other for other in names if other != name]
        if fewer and _fit(numbers, fewer, truth)[0] >= EXACT:
            names = fewer
    return _fit(numbers, names, truth)[1] if len(names) <= MAX_TERMS else None


def _fit(numbers: pd.DataFrame, names: Sequence[str], truth: np.ndarray) -> tuple[float, pd.Series]:
    """Return the r2 on every second row of a linear fit on the others, and its factors."""
    values = numbers[list(names)].to_numpy()
    centre, scale = values.mean(axis=0), values.std(axis=0)
    design = np.column_stack([(values - centre) / scale, np.ones(len(values))])
    factors = np.linalg.lstsq(design[::2], truth[::2], rcond=None)[0]
    rest = truth[1::2]
    spread = float(((rest - rest.mean()) ** 2).sum())
    missed = float(((rest - design[1::2] @ factors) ** 2).sum())
    return (1 - missed / spread if spread else 0.0), pd.Series(factors[:-1] / scale, index=list(names))


def _term(factor: float, name: str) -> str:
    size = "" if abs(abs(factor) - 1) < ROUND else f"{abs(factor):.4g} * "
    return f" {'-' if factor < 0 else '+'} {size}{name}"


def _product(powers: pd.Series) -> str:
    above = [name for name, power in powers.items() if power > 0]
    below = [name for name, power in powers.items() if power < 0]
    if len(powers) == 1 and abs(abs(powers.iloc[0]) - 1) >= ROUND:
        return f"a constant * {powers.index[0]} ^ {powers.iloc[0]:.4g}"
    return " / ".join([" * ".join(above) or "a constant", *below])
