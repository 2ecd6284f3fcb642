"""One changed column of the contract changes everything that is derived from it, and nothing else."""

import json
from typing import Any

import onnxruntime
import pandas as pd
import pytest
from helpers import contracts
from pydantic import TypeAdapter, ValidationError

from mlgitops.contract import row_schema
from mlgitops.contract.contract import Contract
from mlgitops.contract.synthetic import example_rows
from mlgitops.data import frame, validate
from mlgitops.model import estimators, train
from mlgitops.model.conversion import convert

BASE = {
    "first": "{type: number}",
    "changing": "{type: number, min: 0, max: 9}",
    "last": "{type: category, categories: [a, b]}",
}
CHANGES = {  # the column that changes, as YAML (None: it is gone), and the cells that it then has
    "a category": ("{type: category, categories: [x, 'y z']}", ["x", "y z"]),
    "an open category": ("{type: category, missing: true}", ["new york", None]),
    "a boolean": ("{type: boolean}", [True, False]),
    "a time": ("{type: datetime, parts: [month, hour]}", ["2020-02-03T04:05:06", "2021-12-31T23:00:00"]),
    "another range": ("{type: integer, min: 100, max: 200}", [100, 200]),
    "ignored": ("{type: number, ignore: it is only known afterwards}", [1.0, 2.0]),
    "absent": (None, []),
}


def typed(contract: Contract, cells: list[Any]) -> pd.DataFrame:
    every = {"first": [1.0, 2.0], "changing": cells, "last": ["a", "b"], "y": [True, False]}
    known = {name: every[name] * 20 for name in contract.columns}
    return frame.parse(pd.DataFrame(known), contract)


def derived(contract: Contract, cells: list[Any]) -> dict[str, dict[str, Any]]:
    """Return everything that follows from *contract*, by what it is and by column."""
    rows = typed(contract, cells)
    pipeline = train.fit(contract, contracts.settings("forest"), rows)
    session = onnxruntime.InferenceSession(convert(pipeline, contract), providers=["CPUExecutionProvider"])
    suite: dict[str, Any] = {}
    for expectation in validate.expectations(contract):
        said = expectation.configuration.kwargs
        if "column" in said:
            suite.setdefault(said["column"], []).append((expectation.expectation_type, dict(said)))
    origin = {feature.name: feature.column for feature in contract.features}

    def by_column(pairs: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, what in pairs:
            found.setdefault(origin[name], []).append((name, what))
        return found

    steps = [(name, step) for step, _, names in pipeline["inputs"].transformers_ for name in names]
    examples = example_rows(contract, 50)
    return {
        "suite": suite,
        "preprocessing": by_column(steps),
        "request schema": row_schema.json_schema(contract)["properties"],
        "onnx inputs": by_column((put.name, put.type) for put in session.get_inputs()),
        "examples": {name: {_kind(row[name]) for row in examples} for name in examples[0]},
        "records": {name: str(cell) for name, cell in frame.records(rows, contract)[0].items()},
    }


def _kind(cell: Any) -> str:
    return cell if isinstance(cell, str) else type(cell).__name__


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, Any]]:
    return derived(contracts.contract(BASE), [3.0, 4.0])


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_column_changes_all_that_is_derived(change: str, before: dict[str, dict[str, Any]]) -> None:
    column, cells = CHANGES[change]
    changed = {
        name: column if name == "changing" else text for name, text in BASE.items() if column or name != "changing"
    }
    after = derived(contracts.contract(changed), cells)
    numeric = change in ("a boolean", "another range")  # to the model a number as before
    for what, columns in after.items():
        unchanged = {name for name in before[what] if before[what][name] == columns.get(name)}
        same = {"preprocessing", "onnx inputs"} if numeric else set()
        assert ("changing" in unchanged) == (what in same), f"{what} {columns}"
        assert unchanged - {"changing"} == before[what].keys() - {"changing"}, what
        gone = column is None or (change == "ignored" and what != "suite")
        assert ("changing" in columns) == (not gone), what


def test_a_column_that_becomes_a_category_is_one_everywhere() -> None:
    after = derived(contracts.contract({**BASE, "changing": CHANGES["a category"][0]}), ["x", "y z"])
    assert ("expect_column_values_to_be_in_set", {"column": "changing", "value_set": ["x", "y z"]}) in [
        (kind, {key: said[key] for key in ("column", "value_set")})
        for kind, said in after["suite"]["changing"]
        if "value_set" in said
    ]
    assert after["preprocessing"]["changing"] == [("changing", "closed")]
    assert after["request schema"]["changing"]["enum"] == ["x", "y z"]
    assert after["onnx inputs"]["changing"] == [("changing", "tensor(string)")]
    assert after["examples"]["changing"] == {"x", "y z"}


def test_a_column_that_becomes_a_time_is_one_everywhere() -> None:
    column, cells = CHANGES["a time"]
    after = derived(contracts.contract({**BASE, "changing": column}), cells)
    parts = [("changing_month", "tensor(float)"), ("changing_hour", "tensor(float)")]
    assert after["onnx inputs"]["changing"] == parts
    assert after["preprocessing"]["changing"] == [("changing_month", "numbers"), ("changing_hour", "numbers")]
    assert after["request schema"]["changing"]["type"] == "string"
    assert after["records"]["changing"] == "2020-02-03T04:05:06"


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_example_rows_keep_the_contract_and_are_the_same_each_time(task: str) -> None:
    contract = contracts.wide(task)
    found = example_rows(contract, 30, seed=3)
    assert found == example_rows(contract, 30, seed=3)
    assert found != example_rows(contract, 30, seed=4)
    for row in found:
        TypeAdapter(row_schema.request_model(contract)).validate_json(json.dumps(row))


def test_example_rows_of_a_project_with_features_keep_its_contract() -> None:
    contract = contracts.example()
    for row in example_rows(contract, 20):
        TypeAdapter(row_schema.request_model(contract)).validate_json(json.dumps(row))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"first": "1"}, "first"),
        ({"first": None}, "first"),
        ({"first": True}, "first"),
        ({"changing": 9.5}, "changing"),
        ({"changing": -1}, "changing"),
        ({"last": "c"}, "last"),
        ({"last": ""}, "last"),
        ({"other": 1}, "other"),
    ],
)
def test_a_request_that_breaks_the_contract_is_refused_by_field(change: dict[str, Any], where: str) -> None:
    row = TypeAdapter(row_schema.request_model(contracts.contract(BASE)))
    good = {"first": 1, "changing": 2.5, "last": "a"}
    row.validate_json(json.dumps(good))
    with pytest.raises(ValidationError) as refused:
        row.validate_json(json.dumps(good | change))
    assert refused.value.errors()[0]["loc"][0] == where


def test_the_model_does_not_see_target_key_or_ignored_columns_but_the_time() -> None:
    columns = {
        "id": "{type: text}",
        "when": "{type: datetime}",
        "x": "{type: number}",
        "note": "{type: text, ignore: free text}",
    }
    contract = contracts.contract(columns, key=["id", "when"], time="when")
    assert list(contract.inputs) == ["when", "x"]
    assert [feature.name for feature in contract.features] == ["when_weekday", "when_hour", "x"]


def test_input_names_are_what_onnx_allows_and_never_the_same() -> None:
    names = ["a b", "a.b", "a_b", "1st", "ß", "for", "_", "day", "day_month"]
    columns = {name: "{type: date, parts: [month]}" if name == "day" else "{type: number}" for name in names}
    found = [feature.name for feature in contracts.contract(columns).features]
    assert len(set(found)) == len(names)
    assert all(name.isascii() and name.isidentifier() and name[0].isalpha() for name in found), found


@pytest.mark.parametrize(
    ("task", "columns", "more", "message"),
    [
        ("binary", {"x": "{type: text}"}, {}, "text cannot be a feature"),
        ("binary", {"x": "{type: number, ignore: useless}"}, {}, "no input is left"),
        ("binary", {"x": "{type: number}"}, {"key": ["z"]}, "key: no column 'z'"),
        ("binary", {"x": "{type: number}"}, {"key": ["y"]}, "cannot also be a key, the time, the group, or ignored"),
        ("binary", {"x": "{type: number}"}, {"group": "z"}, "group: no column 'z'"),
        ("binary", {"x": "{type: number}"}, {"group": "y"}, "cannot also be a key, the time, the group, or ignored"),
        ("binary", {"x": "{type: number}"}, {"group": "x"}, "no input is left"),
        ("binary", {"x": "{type: number}", "t": "{type: date}"}, {"group": "t", "time": "t"}, "'t' is the time"),
        ("binary", {"x": "{type: number}"}, {"acknowledged_leaks": ["z"]}, "acknowledged_leaks: no column 'z'"),
        ("binary", {"x": "{type: number}"}, {"time": "x"}, "time: 'x' has type number"),
        ("binary", {"x": "{type: number}"}, {"target": "x"}, "task binary needs boolean or category"),
        ("regression", {"x": "{type: boolean}"}, {"target": "x"}, "task regression needs number or integer"),
        ("binary", {"x": "{type: category, categories: [a, b, c]}"}, {"target": "x"}, "exactly two categories"),
        ("multiclass", {"x": "{type: category, categories: [a, b]}"}, {"target": "x"}, "at least three categories"),
        ("binary", {"x": "{type: category, categories: [a, a]}"}, {}, "a value twice"),
        ("binary", {"x": "{type: category, categories: ['']}"}, {}, "set missing: true"),
        ("binary", {"x": "{type: number, categories: [a]}"}, {}, "categories apply to type category"),
        ("binary", {"x": "{type: category, min: 3}"}, {}, "does not fit the type|do not apply"),
        ("binary", {"x": "{type: number, parts: [day]}"}, {}, "parts apply to types datetime and date"),
        ("binary", {"x": "{type: date, parts: [hour]}"}, {}, "a date has no hour"),
        ("binary", {"x": "{type: date, min: 3}"}, {}, "does not fit the type"),
        ("binary", {"x": "{type: category, unit: EUR}"}, {}, "unit applies to types number and integer"),
        ("binary", {"x": "{type: number, format: unix_s}"}, {}, "format applies to types datetime and date"),
        ("binary", {"x": "{type: date, format: dmy}"}, {}, "use directives such as %d/%m/%Y"),
        ("binary", {"x": "{type: date, join: [a, b]}"}, {}, "join: 'a' is no column of the table"),
        ("binary", {"x": "{type: date, join: [spare, y]}"}, {"key": ["x"]}, "cannot be the target or a key"),
    ],
)
def test_a_contract_that_cannot_work_is_refused(
    task: str, columns: dict[str, str], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        contracts.contract({"spare": "{type: number, ignore: spare}", **columns}, task, **more)


@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
def test_each_algorithm_sees_every_feature(algorithm: str) -> None:
    contract = contracts.wide()
    steps = estimators.build(contract, **contracts.settings(algorithm))["inputs"].transformers
    assert {name for *_, names in steps for name in names} == {feature.name for feature in contract.features}
