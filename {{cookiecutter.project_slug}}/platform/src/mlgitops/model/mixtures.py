"""Mixtures of an explained row with background rows: what the model scores to give reasons, in blocks.

A row replaces a background row column by column, in some order; each step but the last leaves a mixture of both.
"""

from dataclasses import dataclass

import numpy as np

VALUES = 1 << 20  # in memory at once, several times: a table of many columns has millions of them in the mixtures
ORDERS_SEED = 7


@dataclass(frozen=True)
class Block:
    """Some of the mixtures: the position of the background row of each, and of its order, and the last step in it."""

    background: np.ndarray
    order: np.ndarray
    step: np.ndarray
    positions: np.ndarray  # the step at which each column is replaced, shape (orders, columns)

    def with_value(self, values: np.ndarray, value: object, column: int) -> np.ndarray:
        """Return in each mixture the *value* of the row in a column, or that of *values* of the background rows."""
        mixed: np.ndarray = values[self.background]
        mixed[self.positions[self.order, column] <= self.step] = value
        return mixed


def orders(rows: int, columns: int) -> np.ndarray:
    """Return an order of the columns and its reverse for each background row, shape (2 * rows, columns)."""
    random = np.random.RandomState(ORDERS_SEED)  # whose numbers no release of numpy changes
    drawn = np.array([random.permutation(columns) for _ in range(rows)])
    return np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(2 * rows, columns)


def blocks(orders: np.ndarray, features: int) -> tuple[Block, ...]:
    """Return all mixtures in *orders*, order by order and step by step; with many *features*, a block has few."""
    steps, rows = orders.shape[1] - 1, max(VALUES // max(features, 1), 1)
    positions, numbers = np.argsort(orders, axis=1), np.arange(len(orders) * steps)
    parts = (np.divmod(numbers[start : start + rows], steps) for start in range(0, len(numbers), rows))
    return tuple(Block(order // 2, order, step, positions) for order, step in parts)
