"""Reviews of small models that are written by hand: linear in the columns that the answer follows, and in noise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from mlgitops.common import files
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Evaluate, Export, Gates, Params, Review
from mlgitops.contract.synthetic import example_rows
from mlgitops.data.profile import FILE, profile
from mlgitops.data.validation_report import Failure, ValidationReport
from mlgitops.model.scorer import Scorer, digest
from mlgitops.review.inputs import Model
from mlgitops.review.report import Source

from .contracts import PARAMS

TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"type": "boolean"},
    "multiclass": {"type": "category", "categories": ["x", "y", "z"]},
    "regression": {"type": "number"},
}
SIGNALS = ["first", "second", "third"]
CANDIDATE = Source("candidate")
VALID = ValidationReport(success=True, rows=600, expectations=9, failures=())
FAILURE = Failure("first", "expect_column_values_to_be_between", {"min_value": 0}, None, 1, ({"row": 4, "first": -1},))
INVALID = ValidationReport(success=False, rows=600, expectations=1, failures=(FAILURE,))


def contract(task: str, groups: list[str], more: dict[str, Any] | None = None) -> Contract:
    numbers: dict[str, Any] = {name: {"type": "number"} for name in (*SIGNALS, "noise")}
    columns = {**numbers, "group": {"type": "category", "categories": groups}, **(more or {}), "answer": TARGETS[task]}
    return Contract.model_validate({"task": task, "target": "answer", "columns": columns})


def data(task: str, groups: list[str], seed: int = 0, count: int = 600) -> pd.DataFrame:
    """Return rows whose answer follows the signals, with chance, and never the noise."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(count, 4)), columns=[*SIGNALS, "noise"])
    rows["group"] = pd.Series(rng.choice(np.array(groups, dtype=object), count), dtype="string")
    if task == "binary":
        rows["answer"] = pd.array(rng.random(count) < 1 / (1 + np.exp(-2 * rows["first"])), dtype="boolean")
    elif task == "multiclass":
        luck = 2 * rows[SIGNALS] + rng.gumbel(size=(count, 3))
        rows["answer"] = pd.Series(np.array(["x", "y", "z"])[luck.to_numpy().argmax(axis=1)], dtype="string")
    else:
        rows["answer"] = rows["first"] + 0.5 * rng.normal(size=count)
    return rows


def tables(folder: Path, rows: pd.DataFrame, share: float = 0.25) -> dict[str, Path]:
    """Write the first rows as the train part and the last *share* as the test part, as split writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"train": rows.iloc[: -int(share * len(rows))], "test": rows.iloc[-int(share * len(rows)) :]}
    for name, part in parts.items():
        part.reset_index(drop=True).to_parquet(folder / f"{name}.parquet", index=False)
    return {name: folder / f"{name}.parquet" for name in parts}


def exported(
    folder: Path, declared: Contract, noise: float, parts: dict[str, Path], source: Source = CANDIDATE, **facts: Any
) -> Model:
    """Write a model as `export`, with the profile of its data and the number of its test rows."""
    recorded = profile(parts, declared)
    rows, digests = recorded.parts["test"].rows, {f"{name}_sha256": p.sha256 for name, p in recorded.parts.items()}
    model = export(folder, declared, noise, source, metrics={"rows": rows}, **digests, **facts)
    recorded.save(folder / FILE)
    return replace(model, profile=recorded)


def export(folder: Path, declared: Contract, noise: float, source: Source = CANDIDATE, **facts: Any) -> Model:
    """Write a model that follows the signals, and by *noise* the noise, as export writes models."""
    folder.mkdir(parents=True)
    weights = np.vstack([np.eye(3) * 2, [noise, -noise, 0]]) if declared.task == "multiclass" else _weights(noise)
    (folder / "model.onnx").write_bytes(_model(declared, weights.astype("float32")).SerializeToString())
    (folder / "contract.yaml").write_text(declared.model_dump_json(exclude_defaults=True), encoding="utf-8")
    files.write_json(folder / "golden.json", {"rows": example_rows(declared, 3), "answers": []})
    named = {path.name: digest(path) for path in folder.iterdir()}
    parity = {"rows": 600, "largest_difference": 1e-7, "tolerance": 1e-5}
    files.write_json(folder / "manifest.json", {"threshold": 0.5, "parity": parity, "files": named, **facts})
    return Model(Scorer(folder), source)


def _weights(noise: float) -> np.ndarray:
    return np.array([[1], [0], [0], [noise]])


def _model(declared: Contract, weights: np.ndarray) -> onnx.ModelProto:
    kinds = {"number": TensorProto.FLOAT, "category": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(f.name, kinds[f.kind], [None, 1]) for f in declared.features]
    nodes = [
        helper.make_node("Concat", [*SIGNALS, "noise"], ["signals"], axis=1),
        helper.make_node("MatMul", ["signals", "weights"], ["score"]),
    ]
    if declared.task == "binary":
        nodes += [
            helper.make_node("Neg", ["score"], ["opposite"]),
            helper.make_node("Concat", ["opposite", "score"], ["both"], axis=1),
            helper.make_node("Sigmoid", ["both"], ["answer"]),
        ]
    else:
        nodes.append(helper.make_node("Softmax" if declared.classes else "Identity", ["score"], ["answer"]))
    output = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, None])
    graph = helper.make_graph(nodes, "model", inputs, [output], [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def params(**gates: Any) -> Params:
    limits = {"min_score": -99.0, "max_drop": 0.005, "min_slice_score": -99.0, "validation": True, "parity": True}
    gate_limits = Gates.model_validate({**limits, "max_latency_ms": 60_000, "max_size_mb": 1, **gates})
    return PARAMS.model_copy(
        update={
            "review": Review(resamples=100, random_state=1, gates=gate_limits),
            "evaluate": Evaluate(threshold=0.5, importance_rows=10, min_slice_rows=20),
            "export": Export(probability_tolerance=1e-5, number_tolerance=1e-4, golden_rows=3),
        }
    )
