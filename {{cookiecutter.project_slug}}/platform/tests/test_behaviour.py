"""The contract states how predictions behave: trees are trained so, and the review checks every model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models, reviews
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import Pipeline

from mlgitops.common.errors import ProjectError
from mlgitops.contract import diff
from mlgitops.contract.behaviour import Behaviour
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.model import estimators, monotonic, train
from mlgitops.model.scorer import Scorer
from mlgitops.review.behaviour import statements
from mlgitops.review.build import build
from mlgitops.review.compare import Predictions
from mlgitops.review.gaps import gap
from mlgitops.review.pages import html, markdown

TEXT = """task: {task}
target: y
columns:
  size: {{type: number}}
  count: {{type: integer, min: 0, max: 9}}
  flag: {{type: boolean}}
  seen: {{type: date}}
  kind: {{type: category, categories: [a, b, c]}}
  name: {{type: text, feature: false}}
  code: {{type: text, ignore: an identifier}}
  y: {target}
behaviour:
  {statement}
"""
BAD = {
    "increases_with: [wind]": "13: behaviour.increases_with: no column 'wind'; the columns are size, count",
    "decreases_with: [y]": "13: behaviour.decreases_with: 'y' is the target",
    "increases_with: [kind]": "13: behaviour.increases_with: 'kind' has type category, and its values have no order",
    "increases_with: [seen]": "13: behaviour.increases_with: 'seen' has type date, and the model reads parts of it",
    "unchanged_by: [code]": "13: behaviour.unchanged_by: the model does not read 'code'",
    "increases_with: [size]\n  decreases_with: [size]": "14: behaviour.decreases_with: 'size' is in behaviour.",
    "unchanged_by: [size]\n  decreases_with: [size]": "13: behaviour.unchanged_by: 'size' is in behaviour.",
    "min_share: 0": "13: behaviour.min_share: Input should be greater than 0",
    "max_gap: {by: kind, metric: r2, at_most: 0.1}": "13: behaviour.max_gap: metric: task binary has no 'r2': choose",
    "max_gap: {by: size, metric: recall, at_most: 0.1}": "13: behaviour.max_gap: by: 'size' has type number",
    "max_gap: [{by: y, metric: recall, at_most: 0.1}]": "13: behaviour.max_gap: by: 'y' is the target",
    "max_gap: {by: kind, metric: recall, at_most: 0}": "13: behaviour.max_gap: Input should be greater than 0",
    "max_gap: {by: kind, metric: recall}": "13: behaviour.max_gap.0.at_most: Field required",
    "max_difference: 1": "13: behaviour.max_difference: no such setting",
}


def parsed(statement: str, task: str = "binary") -> Contract:
    return Contract.parse(TEXT.format(task=task, target=contracts.TARGETS[task], statement=statement), "contract.yaml")


@pytest.mark.parametrize("statement", BAD)
def test_a_statement_that_cannot_be_checked_is_refused_with_its_line(statement: str) -> None:
    with pytest.raises(ProjectError) as refused:
        parsed(statement)
    assert refused.value.message.startswith(f"contract.yaml:{BAD[statement]}")


def test_a_direction_needs_one_number_or_probability() -> None:
    with pytest.raises(ProjectError, match=r"increases_with: a multiclass prediction has no direction"):
        parsed("increases_with: [size]", "multiclass")
    assert parsed("unchanged_by: [size]", "multiclass").behaviour.stated


def test_the_difference_of_two_contracts_names_the_statements() -> None:
    changes = diff.changes(
        parsed("increases_with: [size]"), parsed("max_gap: {by: kind, metric: recall, at_most: 0.1}")
    )
    assert [(change.where, change.what, change.breaking) for change in changes] == [
        ("behaviour.increases_with", "size became none", False),
        ("behaviour.max_gap", "none became recall by kind at most 0.1", False),
    ]


def test_a_column_that_must_not_matter_is_no_feature_and_stays_in_requests() -> None:
    contract = parsed("unchanged_by: [kind]")
    assert "kind" not in {feature.name for feature in contract.features}
    assert "kind" in contract.inputs


def rows(contract: Contract, count: int = 400) -> pd.DataFrame:
    """Return rows whose target follows the size and the count, with so much noise that trees learn waves."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": rng.normal(size=count),
            "count": rng.integers(0, 10, count),
            "flag": rng.random(count) < 0.5,
            "seen": "2024-05-17",
            "kind": rng.choice(["a", "b", "c"], count),
            "name": "n",
            "code": "c",
        }
    )
    value = table["size"] - 0.3 * table["count"] + rng.normal(scale=2, size=count)
    return frame.parse(table.assign(y=value > -1 if contract.task == "binary" else value), contract)


def curve(fitted: Any, contract: Contract, column: str, values: np.ndarray) -> np.ndarray:
    """Return the predictions for one row with other values of a column."""
    inputs = (
        frame.features(rows(contract), contract).iloc[[0] * len(values)].assign(**{column: values.astype("float32")})
    )
    predicted: np.ndarray = fitted.predict_proba(inputs)[:, 1] if contract.classes else fitted.predict(inputs)
    return predicted


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("algorithm", ["boosting", "forest"])
def test_trees_follow_the_directions_and_would_not_without(task: str, algorithm: str) -> None:
    grids = {"size": np.linspace(-2, 2, 60), "count": np.arange(10.0)}
    for statement, follow in (("increases_with: [size]\n  decreases_with: [count]", True), ("min_share: 1.0", False)):
        contract = parsed(statement, task)
        fitted = train.fit(contract, contracts.settings(algorithm), rows(contract))
        steps = [
            np.diff(curve(fitted, contract, name, grid)) * sign
            for (name, grid), sign in zip(grids.items(), (1, -1), strict=True)
        ]
        assert all((step >= -1e-9).all() for step in steps) == follow
        assert monotonic.enforced(fitted, contract) == (("size", "count") if follow else ())


def test_a_direction_that_the_code_sets_is_kept_and_other_estimators_are_left_alone() -> None:
    contract = parsed("increases_with: [size]", "regression")
    inputs, truth = frame.features(rows(contract), contract), frame.target(rows(contract), contract)
    front = estimators.preprocessing(contract, "forest")
    own = Pipeline([("inputs", front), ("model", RandomForestRegressor(monotonic_cst=[-1, 0, 0, 0, 0, 0, 0, 0]))])
    monotonic.constrain(own, contract, inputs, truth)
    assert own[-1].monotonic_cst[0] == -1
    other = Pipeline(
        [("inputs", ColumnTransformer([("mine", "passthrough", ["size"])])), ("model", RandomForestRegressor())]
    )
    monotonic.constrain(other, contract, inputs, truth)
    assert other[-1].monotonic_cst is None
    assert monotonic.enforced(other, contract) == ()


def test_width_of_words_is_that_of_the_vocabulary() -> None:
    contract = contracts.contract(
        {"size": "{type: number}", "note": "{type: text, words: 50}"},
        "regression",
        behaviour={"increases_with": ["size"]},
    )
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=60), "note": rng.choice(["red house", "old red car"], 60)})
    fitted = train.fit(contract, contracts.settings("boosting"), frame.parse(table.assign(y=table["size"]), contract))
    assert fitted[-1].monotonic_cst == [1, *[0] * len(fitted[0].transformers_[1][1].vocabulary_)]


def reviewed(tmp_path: Path, task: str, behaviour: dict[str, Any], rows: pd.DataFrame | None = None) -> dict[str, Any]:
    """Return the statements on a model that is linear in first and noise, by their text."""
    plain = reviews.contract(task, ["a", "b"])
    model = reviews.export(tmp_path / task, plain, 0.5)  # it reads the columns, whatever is stated
    declared = plain.model_copy(update={"behaviour": Behaviour.model_validate(behaviour)})
    model.scorer.contract = declared
    table = reviews.data(task, ["a", "b"]) if rows is None else rows
    columns = frame.columns(table, declared)
    predictions = Predictions(model.scorer.predict(columns), 0.5)
    return {s.text: s for s in statements(model.scorer, table, predictions, reviews.params())}


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_directions_of_an_exported_model_are_checked_by_asking_test_rows_again(tmp_path: Path, task: str) -> None:
    stated = {"increases_with": ["first", "second"], "decreases_with": ["noise"], "unchanged_by": ["third", "group"]}
    results = reviewed(tmp_path, task, stated)
    assert {text: s.holds for text, s in results.items()} == {
        "increases_with first": True,
        "increases_with second": True,  # a constant never falls
        "decreases_with noise": False,
        "unchanged_by third": True,
        "unchanged_by group": True,
    }
    wrong = results["decreases_with noise"]
    assert (wrong.violations, wrong.checked) == (500, "500 rows with 20 values each")
    assert " becomes " in wrong.example


def test_an_influence_that_must_not_be_and_a_share_of_rows_that_may_break_it(tmp_path: Path) -> None:
    assert reviewed(tmp_path, "multiclass", {"unchanged_by": ["first"]})["unchanged_by first"].holds is False
    few = reviewed(tmp_path, "binary", {"decreases_with": ["noise"], "min_share": 0.01})["decreases_with noise"]
    assert few.violations == 500
    rows = reviews.data("regression", ["a", "b"]).assign(noise=1.0)
    assert reviewed(tmp_path, "regression", {"decreases_with": ["noise"]}, rows)["decreases_with noise"].holds is None


def test_an_example_shows_no_value_of_a_column_that_may_identify_somebody(tmp_path: Path) -> None:
    contract = contracts.contract({"name": "{type: category}", "size": "{type: number}"}, "regression")
    folder = models.exported(contract, tmp_path)
    scorer = Scorer(folder)
    scorer.contract = contract.model_copy(update={"behaviour": Behaviour(unchanged_by=("name",))})
    table = models.rows_of(contract)
    (result,) = statements(scorer, table, Predictions(np.zeros(len(table)), 0.5), reviews.params())
    if result.violations:
        assert not any(str(name) in result.example for name in table["name"].dropna().unique())


def gaps(metric: str, at_most: float, shares: dict[str, tuple[int, float]]) -> Any:
    """Return the result on groups of so many rows, whose positive rows are predicted right with that share."""
    contract = reviews.contract("binary", list(shares))
    declared = contract.model_copy(
        update={
            "behaviour": Behaviour.model_validate({"max_gap": {"by": "group", "metric": metric, "at_most": at_most}})
        }
    )
    groups = np.repeat(list(shares), [count for count, _ in shares.values()])
    truth = np.arange(len(groups)) % 2 == 0
    share = np.repeat([share for _, share in shares.values()], [count for count, _ in shares.values()])
    right = np.arange(len(groups)) // 2 % 20 < share * 20
    probability = np.where(right == truth, 0.9, 0.1)
    rows = pd.DataFrame({"group": pd.Series(groups, dtype="string"), "answer": pd.array(truth, dtype="boolean")})
    predictions = Predictions(np.column_stack([1 - probability, probability]), 0.5)
    return gap(declared.behaviour.max_gap[0], declared, rows, predictions, reviews.params())


@pytest.mark.parametrize("metric", ["recall", "accuracy", "false_positive_rate", "f1", "roc_auc"])
def test_a_gap_beyond_noise_refuses_and_one_within_it_is_a_remark(metric: str) -> None:
    assert gaps(metric, 0.1, {"a": (900, 0.95), "b": (900, 0.6)}).holds is False
    assert gaps(metric, 0.1, {"a": (900, 0.9), "b": (900, 0.88)}).holds is True
    noisy = gaps(metric, 0.02, {"a": (60, 0.9), "b": (60, 0.85)})
    assert noisy.holds is None
    assert noisy.example.endswith("not beyond noise")


def test_small_groups_are_left_out_and_a_group_without_positive_rows_proves_nothing() -> None:
    result = gaps("recall", 0.1, {"a": (900, 0.9), "b": (900, 0.9), "tiny": (12, 0.0)})
    assert (result.holds, result.checked) == (True, "2 groups, 1,800 rows; 1 with too few rows left out")
    assert gaps("recall", 0.1, {"a": (900, 0.9), "tiny": (12, 0.0)}).holds is None
    many = {f"g{n}": (60, 0.8) for n in range(12)}
    assert gaps("recall", 0.05, many).holds is None  # of many groups, two differ by chance


@pytest.mark.parametrize("metric", ["mean_error", "mae", "r2"])
def test_gaps_of_numbers(metric: str, tmp_path: Path) -> None:
    rows = reviews.data("regression", ["a", "b"])
    rows.loc[rows["group"] == "b", "answer"] += 3
    stated = {"max_gap": [{"by": "group", "metric": metric, "at_most": 0.5}]}
    (result,) = reviewed(tmp_path, "regression", stated, rows).values()
    assert result.holds is False


def test_the_gate_refuses_and_both_pages_show_the_statements(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    declared = reviews.contract("binary", ["a|<b>", "b"]).model_copy(
        update={
            "behaviour": Behaviour.model_validate(
                {
                    "decreases_with": ["first"],
                    "increases_with": ["second"],
                    "max_gap": {"by": "group", "metric": "recall", "at_most": 0.5},
                }
            )
        }
    )
    model = reviews.export(tmp_path / "model", declared, 0.0, enforced=["second"])
    report = build(model, None, reviews.data("binary", ["a|<b>", "b"]), reviews.params(), reviews.VALID)
    assert report.refused_by == ("behaviour",)
    for page in (html.page(report), markdown.page(report)):
        assert "decreases_with" in page
        assert "violated" in page
        assert "holds, enforced in training" in page
        assert "<b>" not in page.replace("<b></b>", "").replace("<b class", "") or "a|<b>" not in page
    quiet = build(
        replace(model), None, reviews.data("binary", ["a|<b>", "b"]), reviews.params(behaviour=None), reviews.VALID
    )
    assert quiet.accepted
