"""The units of a split and of its folds: rows that stay together, each named by a hash of their values."""

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from . import frame
from .row_source import Rows

MIN_UNITS = 50  # effective number of distinct rows from which equal rows stay together
TOLERANCE = 0.2  # relative: how far the held-out share of a class may be from the requested one
HASHES = 2.0**64


def units(rows: Rows, contract: Contract) -> np.ndarray:
    """Return a hash per row; rows with equal hashes stay together.

    These are the rows of one value of the contract's group, or of one key, or else with equal inputs. In a table with
    few distinct inputs, each row is a unit of its own: most rows are equal by chance, not because one was copied.
    """
    if not contract.group:
        return _content(rows, contract)
    hashed = rows.hashes([contract.group])
    alone = rows.column(contract.group).isna().to_numpy(dtype=bool)
    if alone.any():
        hashed[alone] = _content(rows, contract, alone)
    return hashed


def _content(rows: Rows, contract: Contract, only: np.ndarray | None = None) -> np.ndarray:
    """Return a hash of the content of each row, or of those where *only* is true."""
    kept = slice(None) if only is None else only
    hashed = rows.hashes(contract.key or list(contract.inputs))[kept]
    if contract.key or not len(hashed):
        return hashed
    if _effective(hashed[rows.column(contract.target).notna()[kept]]) >= MIN_UNITS:
        return hashed
    values = pd.Series(rows.hashes([*contract.inputs, contract.target])[kept])
    return frame.hashes(pd.DataFrame({"values": values, "copy": values.groupby(values).cumcount()}))


def _effective(hashed: np.ndarray) -> float:
    """Return the number of units of equal size that would be as varied as these."""
    sizes = np.unique(hashed, return_counts=True)[1].astype("float64")
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0


def strata(hashed: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the position of each row's unit, and the stratum and the number of rows of each unit, by ascending hash.

    The stratum of a unit is the rarest class among its rows; *classes* are class indices, all 0 without classes.
    """
    order = np.argsort(hashed)
    ordered = hashed[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]][: len(hashed)]
    del ordered
    position = np.empty(len(hashed), dtype="int32" if len(hashed) < 1 << 31 else "int64")  # as small as it can be
    position[order] = np.cumsum(first, dtype=position.dtype) - 1
    del order
    sizes = np.diff(np.r_[np.flatnonzero(first), len(hashed)]).astype(position.dtype)
    counts = np.bincount(classes)
    rank = np.argsort(np.argsort(counts, kind="stable"), kind="stable")  # 0 for the rarest class
    stratum = np.full(len(sizes), len(counts), dtype="int16")
    np.minimum.at(stratum, position, rank.astype("int16")[classes])
    return position, stratum, sizes


def held_out(hashed: np.ndarray, classes: np.ndarray, share: float) -> np.ndarray:
    """Return for each row whether it is held out: about *share* of the rows of each class.

    A unit is held out if its hash is among the lowest *share* of all hashes, whatever the other rows are. Only where
    that would give a class another share than TOLERANCE allows, or none, do the units with the nearest hashes change
    sides.
    """
    position, stratum, sizes = strata(hashed, classes)
    chosen = np.zeros(len(sizes), dtype=bool)
    chosen[position[hashed < share * HASHES]] = True
    del hashed
    for value in np.unique(stratum):
        members = np.flatnonzero(stratum == value)
        chosen[members] = np.arange(len(members)) < _count(sizes[members], int(chosen[members].sum()), share)
    return np.asarray(chosen[position])


def _count(sizes: np.ndarray, preferred: int, share: float) -> int:
    """Return how many of the units of a class are held out: *preferred*, if that is about *share* of its rows."""
    if len(sizes) < 2:
        return preferred
    reached = np.cumsum(sizes)
    expected = share * reached[-1]
    fewest = int(np.searchsorted(reached, (1 - TOLERANCE) * expected)) + 1
    most = int(np.searchsorted(reached, (1 + TOLERANCE) * expected, side="right"))
    return min(max(1, min(max(preferred, fewest), max(most, fewest))), len(sizes) - 1)


def newest(hashed: np.ndarray, timestamps: pd.Series, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of the rows by the first time of their unit, and for each row whether it is held out.

    The units whose first row is the newest are held out, about *share* of the rows.
    """
    first = timestamps.groupby(hashed).transform("min").to_numpy()
    order = np.lexsort([timestamps.to_numpy(), hashed, first])
    starts = np.flatnonzero(np.r_[True, hashed[order][1:] != hashed[order][:-1]])
    cut = starts[np.argmin(np.abs(starts - (1 - share) * len(order)))]
    test = np.empty(len(order), dtype=bool)
    test[order] = np.arange(len(order)) >= cut
    return order, test
