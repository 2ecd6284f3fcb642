"""Imports a model that was trained elsewhere: an ONNX file that must fit a contract."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..common import files, project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.row_schema import json_schema
from ..contract.synthetic import example_rows
from ..model import client_files, graphs
from ..model.onnx_session import open_session
from ..model.scorer import Scorer, digest, digests

TENSOR_TYPES = {"number": "tensor(float)", "category": "tensor(string)", "text": "tensor(string)"}
GOLDEN_ROWS = 20
CARD_TEMPLATE = """# Model card: {target}

Predicts **{target}** ({task}). It was trained elsewhere and imported from {origin}; it has no evaluation.

Its inputs are {inputs} columns, described in contract.yaml.
"""


@contextmanager
def exported(
    model: Path, contract_file: Path, origin: str, threshold: float, features: Path | None = None
) -> Iterator[Path]:
    """Yield a folder as export writes it, with *model*; raises ProjectError if the model does not fit the contract."""
    contract = Contract.with_features(contract_file, features) if features else Contract.load(contract_file)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "model.onnx").write_bytes(_adapted(model, contract))
        check(folder / "model.onnx", contract, model)
        shutil.copyfile(contract_file, folder / "contract.yaml")
        if features:
            shutil.copyfile(features, folder / project.FEATURES)
        files.write_json(folder / "request.schema.json", json_schema(contract))
        card = CARD_TEMPLATE.format(
            target=contract.target, task=contract.task, origin=origin, inputs=len(contract.inputs)
        )
        files.write(folder / "card.md", card)
        facts = {
            "project": project.name(),
            "threshold": threshold,
            "imported": origin,
            "contract_sha256": digest(contract_file),
        }
        rows = example_rows(contract, GOLDEN_ROWS)
        client_files.write(folder, contract, _columns(contract, rows))
        files.write_json(folder / "manifest.json", {**facts, "files": digests(folder)})
        scorer = Scorer(folder)
        predictions = _predictions(scorer, rows)
        files.write_json(folder / "golden.json", {"rows": rows, "answers": scorer.to_answers(predictions)})
        files.write_json(folder / "manifest.json", {**facts, "files": digests(folder)})
        yield folder


def _adapted(model: Path, contract: Contract) -> bytes:
    try:
        return graphs.adapted(model.read_bytes(), contract)
    except ProjectError as error:
        raise ProjectError(f"{model}: does not fit the contract:\n  {error.message}") from error


def check(model: Path, contract: Contract, origin: Path) -> None:
    """Raise ProjectError unless inputs and output of the graph in *model* fit the features and task of the contract.

    *origin* is the file that messages name.
    """
    try:
        session = open_session(model)
    except Exception as error:  # the runtime's exceptions have no common base
        raise ProjectError(f"{origin}: ONNX Runtime cannot load this file: {error}") from error
    problems = [*_wrong_inputs(session.get_inputs(), contract), *_wrong_output(session.get_outputs()[-1], contract)]
    if problems:
        raise ProjectError("\n  ".join([f"{origin}: does not fit the contract:", *problems]))


def _wrong_inputs(inputs: list[Any], contract: Contract) -> Iterator[str]:
    nodes, features = {node.name: node for node in inputs}, {feature.name: feature for feature in contract.features}
    for name in features.keys() - nodes.keys():
        yield f"input {name}: is missing; the contract has this feature (column {features[name].column!r})"
    for name in nodes.keys() - features.keys():
        yield f"input {name}: is not a feature of the contract; its features are {', '.join(features)}"
    for name, feature in features.items():
        if node := nodes.get(name):
            if node.type != TENSOR_TYPES[feature.kind]:
                yield f"input {name}: has type {node.type}; a {feature.kind} feature needs {TENSOR_TYPES[feature.kind]}"
            if len(node.shape) != 2 or node.shape[1] not in (1, None) or isinstance(node.shape[0], int):
                yield f"input {name}: has shape {node.shape}; it needs a dynamic number of rows and one column"


def _wrong_output(output: Any, contract: Contract) -> Iterator[str]:
    """Check the last output, which is the prediction: a probability per class, or a number."""
    width = len(contract.classes) or 1
    answer = f"{width} probabilities" if contract.classes else "a number"
    requirement = f"the last output of a {contract.task} model must be {answer} per row"
    if output.type != "tensor(float)":
        yield f"output {output.name}: has type {output.type}, not float: {requirement} (convert with zipmap=False)"
    elif isinstance(output.shape[0] if output.shape else 1, int):
        yield f"output {output.name}: has shape {output.shape}, a fixed number of rows: {requirement}"
    elif not (len(output.shape) == 2 and not isinstance(output.shape[1], int)) and output.shape[1:] not in (
        [[width]] if contract.classes else [[], [1]]
    ):
        yield f"output {output.name}: has shape {output.shape}: {requirement}"


def _columns(contract: Contract, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in contract.inputs}


def _predictions(scorer: Scorer, rows: list[dict[str, Any]]) -> np.ndarray:
    """Return the model's predictions for example rows; raises ProjectError if they are invalid."""
    contract = scorer.contract
    try:
        predictions = scorer.predict(_columns(contract, rows))
    except Exception as error:  # the runtime's exceptions have no common base
        raise ProjectError(f"the model fails on rows that keep the contract: {error}") from error
    shape = (len(rows), len(contract.classes)) if contract.classes else (len(rows),)
    if predictions.shape != shape:
        raise ProjectError(f"the output for {len(rows)} rows has shape {predictions.shape}; the contract needs {shape}")
    if not np.isfinite(predictions).all():
        raise ProjectError(f"the prediction for {_first_row(rows, ~np.isfinite(predictions))} is not finite")
    if (
        contract.classes
        and (invalid := (predictions < 0) | (np.abs(predictions.sum(axis=1, keepdims=True) - 1) > 1e-3)).any()
    ):
        raise ProjectError(f"the output is not a set of probabilities with sum 1 for {_first_row(rows, invalid)}")
    return predictions


def _first_row(rows: list[dict[str, Any]], invalid: np.ndarray) -> dict[str, Any]:
    return rows[int(np.flatnonzero(invalid.reshape(len(rows), -1).any(axis=1))[0])]
