"""Reasons for predictions: Shapley values of the columns that a caller sends, by sampling, from the ONNX model alone.

A column's contribution is the mean change of the prediction when its value replaces that of a background row, over the
orders in which the columns can be replaced. Each background row is replaced in one order
and its reverse, which cancels most of the noise, and ends at the row itself: base and contributions add up to the
prediction exactly. All rows share the orders, so that equal rows get equal reasons, and similar rows similar ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..contract.model_inputs import Feature
from ..data.encode import Columns, FunctionInputs, encode
from ..data.spacing import evenly_spaced
from . import background
from .mixtures import Block, blocks, orders
from .scorer import Scorer

IMPORTANCE_ROWS, IMPORTANCE_COST = 200, 500_000  # rows whose reasons are averaged, and rows that this may score


@dataclass(frozen=True)
class Reasons:
    """The reasons for some predictions: *base* has shape (rows,), *contributions* (rows, columns).

    Both are on the scale of the prediction: the probability of the positive class, or of the predicted one of several
    classes, or the number. *base* is the mean prediction of the background rows.
    """

    columns: tuple[str, ...]
    base: np.ndarray
    contributions: np.ndarray

    def strongest(self, row: int, count: int | None = None) -> list[tuple[str, float]]:
        """Return the columns with the largest contributions to the prediction of *row*, all of them by default."""
        order = np.argsort(-np.abs(self.contributions[row]), kind="stable")[:count]
        return [(self.columns[column], float(self.contributions[row, column])) for column in order]


class Explainer:
    """Computes reasons with one model; several threads may share it."""

    def __init__(self, scorer: Scorer) -> None:
        """Prepare the background of *scorer*; raises ProjectError if the model was exported without one."""
        rows = background.read(scorer.folder, scorer.contract)
        columns: Columns = {name: [row.get(name) for row in rows] for name in scorer.contract.inputs}
        self._scorer = scorer
        self.columns = tuple(name for name in scorer.contract.inputs if name in _read(scorer.features))
        self._outputs = _by_class(scorer.predict(columns))
        self._orders = orders(len(rows), len(self.columns))
        self._blocks = blocks(self._orders, len(scorer.features))
        self._alone = tuple(feature for feature in scorer.features if len(_columns(feature)) == 1)
        self._several = tuple(feature for feature in scorer.features if len(_columns(feature)) > 1)
        self._by_feature = {feature.name: self.columns.index(_columns(feature)[0]) for feature in self._alone}
        self._encoded = {name: v[:, 0] for name, v in encode(columns, scorer.contract, self._alone).items()}
        arrays = FunctionInputs(columns, scorer.contract)
        self._arrays = {name: arrays[name] for name in self.columns if name in _read(self._several)}

    @property
    def cost(self) -> int:
        """How many rows the model scores for the reasons of one."""
        return max(len(self._orders) * (len(self.columns) - 1), 1)

    def reasons(self, columns: Columns, predicted: np.ndarray) -> Reasons:
        """Return the reasons for the rows in *columns*, for which `Scorer.predict` has returned *predicted*.

        They are not finite for a row whose mixtures with background rows the model cannot score.
        """
        scorer, outputs = self._scorer, _by_class(predicted)
        classes = outputs.argmax(axis=1) if len(scorer.contract.classes) > 2 else np.zeros(len(outputs), dtype=int)
        encoded = encode(columns, scorer.contract, self._alone)
        arrays = FunctionInputs(columns, scorer.contract)
        contributions = np.empty((len(outputs), len(self.columns)))
        for row, shown in enumerate(classes):
            inner = [self._score(block, encoded, arrays, row)[:, shown] for block in self._blocks]
            contributions[row] = self._contributions(inner, int(shown), float(outputs[row, shown]))
        return Reasons(self.columns, self._outputs.mean(axis=0)[classes], contributions)

    def _score(self, block: Block, encoded: Mapping[str, np.ndarray], arrays: FunctionInputs, row: int) -> np.ndarray:
        """Return the outputs for a block of mixtures of one row with background rows."""
        features = {
            name: block.with_value(others, encoded[name][row, 0], self._by_feature[name]).reshape(-1, 1)
            for name, others in self._encoded.items()
        }
        values = {
            name: block.with_value(others, arrays[name][row], self.columns.index(name))
            for name, others in self._arrays.items()
        }
        return _by_class(self._scorer.run(features | encode(values, self._scorer.contract, self._several)))

    def _contributions(self, inner: list[np.ndarray], shown: int, predicted: float) -> np.ndarray:
        steps = len(self.columns) - 1
        path = np.empty((len(self._orders), steps + 2))
        path[:, 0], path[:, -1] = np.repeat(self._outputs[:, shown], 2), predicted
        if inner:
            path[:, 1:-1] = np.concatenate(inner).reshape(len(path), steps)
        changes = np.empty(self._orders.shape)
        with np.errstate(invalid="ignore"):  # the caller sees what is not finite
            np.put_along_axis(changes, self._orders, np.diff(path, axis=1), axis=1)
            return np.asarray(changes.mean(axis=0))


def importance(scorer: Scorer, columns: Columns, rows: int) -> dict[str, float]:
    """Return the mean absolute contribution of each column to the predictions for *rows* rows, the largest first."""
    explainer = Explainer(scorer)
    count = min(rows, IMPORTANCE_ROWS, 1 + IMPORTANCE_COST // explainer.cost)
    chosen = evenly_spaced(rows, count)
    sample: Columns = {name: np.asarray(columns[name])[chosen] for name in scorer.contract.inputs}
    means = np.abs(explainer.reasons(sample, scorer.predict(sample)).contributions).mean(axis=0)
    order = np.argsort(-means, kind="stable")
    return {explainer.columns[column]: float(f"{means[column]:.6g}") for column in order}


def _columns(feature: Feature) -> tuple[str, ...]:
    return feature.function.columns if feature.function else (feature.column,)


def _read(features: Iterable[Feature]) -> set[str]:
    return {name for feature in features for name in _columns(feature)}


def _by_class(predicted: np.ndarray) -> np.ndarray:
    """Return the explained outputs, shape (rows, 1) of a number or a positive class, (rows, classes) of several."""
    outputs = predicted.astype("float64").reshape(len(predicted), -1)
    return outputs[:, 1:] if outputs.shape[1] == 2 else outputs
