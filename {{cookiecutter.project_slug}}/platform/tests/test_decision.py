"""The threshold is chosen on predictions that were made without the rows, for the aim that params.yaml states."""

from typing import Any

import numpy as np
import pytest
from helpers import contracts
from pydantic import ValidationError

from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Evaluate
from mlgitops.model import decision

ONE = {"x": "{type: number}"}
POSITIVE = np.array([False] * 6 + [True] * 4)
PROBABILITY = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 0.35, 0.6, 0.7, 0.9])


def setting(threshold: Any) -> Any:
    return Evaluate(threshold=threshold, importance_rows=1, min_slice_rows=1).threshold


def value(threshold: float, aim: Any) -> float:
    """Compute by counting what an aim is worth at a threshold."""
    decided = threshold <= PROBABILITY
    hits, false, missed = (decided & POSITIVE).sum(), (decided & ~POSITIVE).sum(), (~decided & POSITIVE).sum()
    if aim == "f1":
        return float(2 * hits / (2 * hits + false + missed))
    if aim == "youden":
        return float(hits / 4 - false / 6)
    return float(-(aim["false_positive"] * false + aim["false_negative"] * missed))


AIMS: list[Any] = [
    "f1",
    "youden",
    {"false_positive": 1, "false_negative": 1},
    {"false_positive": 1, "false_negative": 20},
    {"false_positive": 20, "false_negative": 1},
]


@pytest.mark.parametrize("aim", AIMS)
def test_no_other_threshold_is_better_for_the_aim(aim: Any) -> None:
    best = decision.best(decision.outcomes(POSITIVE, PROBABILITY), setting(aim))
    assert value(best, aim) >= max(value(other, aim) for other in np.linspace(0.15, 0.85, 71))


def test_costs_move_the_threshold_towards_the_cheaper_mistake() -> None:
    table = decision.outcomes(POSITIVE, PROBABILITY)
    careful, bold = (
        decision.best(table, setting({"false_positive": a, "false_negative": b})) for a, b in ((20, 1), (1, 20))
    )
    assert bold < 0.35 < careful


def test_of_a_rare_class_the_threshold_is_as_fine_as_of_a_common_one() -> None:
    random = np.random.default_rng(0)
    positive = np.arange(20_000) < 100
    probability = np.where(positive, random.uniform(0.002, 0.01, 20_000), random.uniform(0, 0.0021, 20_000))
    table = decision.outcomes(positive, probability)
    assert 0.0018 < decision.best(table, "f1") < 0.0024
    assert len(table.thresholds) <= 2 * decision.POINTS
    assert all(0 < threshold < 1 for threshold in table.thresholds)


def test_equal_predictions_have_the_usual_threshold() -> None:
    assert decision.best(decision.outcomes(POSITIVE, np.full(10, 0.3)), "f1") == 0.5


def test_a_number_is_itself_and_an_aim_needs_the_report_of_train() -> None:
    binary = contracts.contract(ONE)
    assert decision.threshold(binary, setting(0.3), {}) == 0.3
    assert decision.threshold(contracts.contract(ONE, "regression"), setting("f1"), {}) == 0.5
    with pytest.raises(ProjectError, match="the largest f1: an aim needs cross-validated predictions"):
        decision.threshold(binary, setting("f1"), {})


@pytest.mark.parametrize("wrong", ["f2", 0, 1, 1.5, {"false_positive": 1}, {"false_positive": 0, "false_negative": 1}])
def test_other_thresholds_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        setting(wrong)
