"""Tables: rows of the contract `wide` as delivered, and rows of any contract."""

import numpy as np
import pandas as pd

from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import limits
from mlgitops.contract.synthetic import example_rows
from mlgitops.data import frame


def rows(task: str = "binary", count: int = 200, seed: int = 0, strange: bool = False) -> pd.DataFrame:
    """Return rows that `wide` describes, as delivered; *strange* ones hold what training has not seen."""
    random = np.random.default_rng(seed)

    def holes(cells: object, share: float = 0.2) -> pd.Series:
        return pd.Series(cells, dtype=object).mask(random.random(count) < share)

    table = pd.DataFrame(
        {
            "plain": random.normal(size=count),
            "gaps": holes(random.normal(5, 2, count)).astype(float),
            "nothing": np.full(count, np.nan),
            "large": random.integers(2**24, 2**31, count),
            "close": 1e9 + 64.0 * random.integers(0, 8, count),  # neighbours in single precision
            "count of things": holes(random.integers(0, 9, count)).astype(float),
            "2nd.flag": holes(random.random(count) < 0.5),
            "été": holes(random.choice(["a", "b b", "ç"], count)),
            "city": holes(random.choice([f"city {n}" for n in range(20)], count)),
            "seen": holes(pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 10**8, count), unit="s")),
            "day": (pd.Timestamp("1999-01-01") + pd.to_timedelta(random.integers(0, 5000, count), unit="D")).date,
        }
    )
    score = table["plain"] + table["gaps"].fillna(0) / 3 + (table["close"] - 1e9) / 200 + (table["city"] > "city 15")
    table["y"] = _target_of(task, score + random.normal(size=count))
    if strange:
        unseen = {"city": "nowhere", "été": "?", "nothing": 3.5, "plain": None, "close": 3e9, "large": 2**24 + 1}
        for name, cell in unseen.items():
            table[name] = table[name].mask(random.random(count) < 0.2, cell)
    return table


def _target_of(task: str, score: pd.Series) -> pd.Series:
    if task == "multiclass":
        return pd.qcut(score, 3, labels=["low", "mid", "high"]).astype(object)
    return score > score.median() if task == "binary" else 1000 * score


def rows_of(contract: Contract, count: int = 300) -> pd.DataFrame:
    """Return *count* rows that keep *contract*, with a target, typed as the pipeline types them."""
    table = pd.DataFrame(example_rows(contract, count), columns=list(contract.inputs))
    return frame.parse(table.assign(**{contract.target: _drawn(contract, count)}), contract)


def _drawn(contract: Contract, count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    if contract.classes:
        return np.array(contract.classes, dtype=object)[random.permutation(np.arange(count) % len(contract.classes))]
    low, high = limits(contract.columns[contract.target])
    return np.round(random.uniform(max(low, -1000), max(min(high, 1000), low)))
