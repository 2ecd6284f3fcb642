"""The export says what any language needs to run the model, and the platform reads the same file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from helpers import contracts
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypeVar

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract import features
from mlgitops.contract.contract import Contract
from mlgitops.contract.features import Function
from mlgitops.contract.row_schema import json_schema
from mlgitops.contract.version import version
from mlgitops.data.encode import encode
from mlgitops.model import function_graph, interface, symbols
from mlgitops.model.interface import Interface
from mlgitops.model.scorer import Scorer, digests

Numbers = NDArray[np.float64]
ODD = [0.0, -0.0, 1.0, -1.5, 2.5, 0.05, 1e-9, 3.3e5, float("nan"), 49.95, 7.25, -273.15]


def changed(exported: Path, folder: Path, **values: Any) -> Path:
    """Return a copy of an export with other *values* in features.json."""
    shutil.copytree(exported, folder)
    replace(Interface.load(folder / interface.FILE), **values).save(folder / interface.FILE)
    return signed(folder)


def signed(folder: Path) -> Path:
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "files": digests(folder)})
    return folder


def columns(contract: Contract, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in contract.inputs}


def test_the_file_says_what_the_contract_means(exported: Path) -> None:
    facts, contract = Interface.load(exported / interface.FILE), contracts.example()
    assert (facts.target, facts.classes, facts.prediction) == ("returned", ("false", "true"), "boolean")
    assert [feature.name for feature in facts.features] == [feature.name for feature in contract.features]
    assert facts.fields.keys() == json_schema(contract)["properties"].keys()
    assert {name for name, field in facts.fields.items() if not field.read} == {"parcel"}
    assert {name for name, field in facts.fields.items() if not field.missing} == {*json_schema(contract)["required"]}
    assert facts.contract == version(contract)


def test_functions_that_other_languages_cannot_run_are_named_with_the_reason(exported: Path) -> None:
    functions = Interface.load(exported / interface.FILE).functions
    reasons = {name: function.python_only for name, function in functions.items()}
    assert reasons == {"value_per_kilogram": None, "area": "reads postcode, which is a text"}
    graph = onnxruntime.InferenceSession(exported / function_graph.FILE)
    assert [node.name for node in graph.get_outputs()] == ["value_per_kilogram"]


def test_the_scorer_takes_the_features_from_the_file(exported: Path, tmp_path: Path) -> None:
    golden, scorer = files.read_json(exported / "golden.json"), Scorer(exported)
    rows = columns(scorer.contract, golden["rows"])
    assert scorer.answers(rows) == golden["answers"]
    few = Interface.load(exported / interface.FILE).features[1:]
    with pytest.raises(ProjectError, match="the model reads"):
        Scorer(changed(exported, tmp_path / "few", features=few))


def test_a_file_of_another_format_is_refused_with_both_formats(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"features\.json has format 9, and this platform reads format 1"):
        Scorer(changed(exported, tmp_path / "export", format=9))


def test_a_model_that_was_exported_without_the_file_answers_as_before(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "export")
    for name in (interface.FILE, function_graph.FILE, "encode.js", "score.html"):
        (tmp_path / "export" / name).unlink()
    golden, scorer = files.read_json(exported / "golden.json"), Scorer(signed(tmp_path / "export"))
    assert scorer.answers(columns(scorer.contract, golden["rows"])) == golden["answers"]
    assert None not in {function.python_only for function in scorer.interface.functions.values()}


def test_a_version_changes_with_what_callers_send_or_get_and_not_with_words() -> None:
    first = version(contracts.contract({"x": "{type: number, min: 0}"}))
    assert first == version(contracts.contract({"x": "{type: number, min: 0, description: metres}"}))
    others = [
        contracts.contract({"x": "{type: number, min: 1}"}),
        contracts.contract({"x": "{type: number, min: 0}", "description": "{type: number}"}),
        contracts.contract({"x": "{type: number, min: 0}"}, "regression"),
        contracts.contract({"x": "{type: number, min: 0}"}, "multiclass"),
    ]
    assert len({first, *map(version, others)}) == 5


CONVERTED: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda a, b: (a - 2 * b) / (b + 1) - -a,
    "constants on both sides": lambda a, b: 1 / (1 + np.exp(-a)) + b**2,
    "rounding": lambda a, b: np.round(a, 1) + np.round(b) + np.round(a * b, -1),
    "floor and ceil": lambda a, b: np.floor(a) + np.ceil(b) + np.rint(a),
    "choice": lambda a, b: np.where(a > b, a, np.where(np.isnan(b), -1.0, b)),
    "logic": lambda a, b: np.where((a >= 0) & ~(b == 1) | (a != a), 1.0, 0.0),
    "larger and smaller": lambda a, b: np.maximum(a, b) - np.minimum(a, b),
    "clipping": lambda a, b: np.clip(a, -1, 1) + np.clip(b, 0, None),
    "a boolean": lambda a, b: a > b,
    "roots and logarithms": lambda a, b: np.sqrt(np.abs(a)) + np.log(np.square(b) + 1),
}
PYTHON_ONLY: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a branch": (lambda a, b: a if a[0] > 0 else b, "Error|uses|has no"),
    "a truth value": (lambda a, b: a if (a > 0) else b, "branches on values: use np.where"),
    "a loop": (lambda a, b: np.array([x + y for x, y in zip(a, b, strict=True)]), "not iterable|TypeError"),
    "a method": (lambda a, b: a.astype(int) + b, "uses astype of an array"),
    "a reduction": (lambda a, b: a - np.mean(a), "mean"),
    "another function": (lambda a, b: np.interp(a, [0, 1], [0, 2]) + b, "interp"),
    "an array": (lambda a, b: a + np.arange(len(ODD)), "uses a ndarray"),
    "no column": (lambda a, b: np.zeros(len(ODD)), "does not compute its result from its columns"),
}


def converted(call: Callable[[Any, Any], Any]) -> tuple[function_graph.FunctionGraph, np.ndarray, dict[str, Any]]:
    contract = contracts.contract({"a": "{type: number, missing: true}", "b": "{type: number, missing: true}"})
    bound = contract.bound((Function("f", ("a", "b"), "number", "", call, Path("features.py"), 1),))
    rows = {"a": ODD, "b": ODD[::-1]}
    return function_graph.convert(bound, rows), encode(rows, bound)["f"][:, 0], rows


@pytest.mark.parametrize("name", CONVERTED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_of_common_numpy_is_converted_and_gives_the_same_numbers(name: str) -> None:
    graph, expected, rows = converted(CONVERTED[name])
    assert graph.python_only == {}
    session = onnxruntime.InferenceSession(graph.model)
    inputs = {node.name: np.array(rows[node.name], dtype=np.float64) for node in session.get_inputs()}
    np.testing.assert_array_equal(session.run(None, inputs)[0], expected)


@pytest.mark.parametrize("name", PYTHON_ONLY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_other_function_stays_in_python_with_a_reason(name: str) -> None:
    call, reason = PYTHON_ONLY[name]
    contract = contracts.contract({"a": "{type: number, missing: true}", "b": "{type: number, missing: true}"})
    bound = contract.bound((Function("f", ("a", "b"), "number", "", call, Path("features.py"), 1),))
    graph = function_graph.convert(bound, {"a": ODD, "b": ODD[::-1]})
    assert graph.model is None
    assert graph.python_only.keys() == {"f"}
    assert any(part in graph.python_only["f"] for part in reason.split("|")), graph.python_only


def test_a_graph_that_computes_other_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(symbols.UFUNCS, "floor", "Ceil")
    graph, _, _ = converted(lambda a, b: np.floor(a) + b)
    assert graph.model is None
    assert "test rows differently" in graph.python_only["f"]


def test_an_annotation_is_read_whether_numpys_ndarray_is_an_alias_or_not(tmp_path: Path) -> None:
    scalar = TypeVar("scalar", bound=np.generic)
    alias = TypeAliasType("NDArray", np.ndarray[Any, np.dtype[scalar]], type_params=(scalar,))  # from Python 3.12 on
    for array, expected in ((np.float64, "number"), (np.str_, "category"), (np.bool_, "number")):
        for kind in (alias[array], NDArray[array]):

            def feature(a: Any) -> Any:
                return a

            feature.__annotations__["return"] = kind
            assert features._kind("place", tmp_path / "features.py", feature) == expected  # type: ignore[arg-type]
