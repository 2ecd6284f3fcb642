"""Takes in a model that was trained elsewhere: an ONNX file that must do what a contract says."""

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
from ..model.scorer import Scorer, digest

KINDS = {"number": "tensor(float)", "category": "tensor(string)"}
ROWS = 20
CARD = """# Model card: {target}

Predicts **{target}** ({task}). It was not trained here, but imported from {origin}: nothing was measured of it.

It reads {inputs} columns, which contract.yaml describes.
"""


@contextmanager
def exported(
    model: Path, contract_file: Path, origin: str, threshold: float, features: Path | None = None
) -> Iterator[Path]:
    """Give a folder such as export writes, with the *model*; raises ProjectError where it does not fit the contract."""
    contract = Contract.with_features(contract_file, features) if features else Contract.load(contract_file)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        check(model, contract)
        shutil.copyfile(model, folder / "model.onnx")
        shutil.copyfile(contract_file, folder / "contract.yaml")
        if features:
            shutil.copyfile(features, folder / project.FEATURES)
        files.write_json(folder / "request.schema.json", json_schema(contract))
        card = CARD.format(target=contract.target, task=contract.task, origin=origin, inputs=len(contract.inputs))
        files.write(folder / "card.md", card)
        known = {
            "project": project.name(),
            "threshold": threshold,
            "imported": origin,
            "contract_sha256": digest(contract_file),
        }
        files.write_json(folder / "manifest.json", {**known, "files": _digests(folder)})
        scorer, rows = Scorer(folder), example_rows(contract, ROWS)
        answers = _answers(scorer, rows)
        files.write_json(folder / "golden.json", {"rows": rows, "answers": scorer.to_answers(answers)})
        files.write_json(folder / "manifest.json", {**known, "files": _digests(folder)})
        yield folder


def check(model: Path, contract: Contract) -> None:
    """Raise ProjectError unless the graph in *model* takes the contract's features and gives what its task asks for."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions have no common base
        raise ProjectError(f"{model}: not an ONNX model that the runtime here can load: {error}") from error
    wrong = [*_wrong_inputs(session.get_inputs(), contract), *_wrong_output(session.get_outputs()[-1], contract)]
    if wrong:
        raise ProjectError("\n  ".join([f"{model}: does not fit the contract:", *wrong]))


def _wrong_inputs(inputs: list[Any], contract: Contract) -> Iterator[str]:
    found, wanted = {one.name: one for one in inputs}, {feature.name: feature for feature in contract.features}
    for name in wanted.keys() - found.keys():
        yield f"input {name}: is missing: it is a feature of the contract (column {wanted[name].column!r})"
    for name in found.keys() - wanted.keys():
        yield f"input {name}: is no feature of the contract; these are {', '.join(wanted)}"
    for name, feature in wanted.items():
        if one := found.get(name):
            if one.type != KINDS[feature.kind]:
                yield f"input {name}: is {one.type}; a {feature.kind} needs {KINDS[feature.kind]}"
            if len(one.shape) != 2 or one.shape[1] not in (1, None) or isinstance(one.shape[0], int):
                yield f"input {name}: has shape {one.shape}; it needs any number of rows, and one column"


def _wrong_output(output: Any, contract: Contract) -> Iterator[str]:
    """The last output is the answer: a probability per class, or a number."""
    width = len(contract.classes) or 1
    answer = f"{width} probabilities" if contract.classes else "a number"
    wanted = f"a {contract.task} model's last output is {answer} per row"
    if output.type != "tensor(float)":
        yield f"output {output.name}: is {output.type}, not tensor(float): {wanted} (convert with zipmap off)"
    elif isinstance(output.shape[0] if output.shape else 1, int):
        yield f"output {output.name}: has shape {output.shape}, not any number of rows: {wanted}"
    elif not (len(output.shape) == 2 and not isinstance(output.shape[1], int)) and output.shape[1:] not in (
        [[width]] if contract.classes else [[], [1]]
    ):
        yield f"output {output.name}: has shape {output.shape}: {wanted}"


def _answers(scorer: Scorer, rows: list[dict[str, Any]]) -> np.ndarray:
    """Return the model's answers to example rows; raises ProjectError where they are none."""
    contract = scorer.contract
    columns = {name: [row[name] for row in rows] for name in contract.inputs}
    try:
        found = scorer.predict(columns)
    except Exception as error:  # the runtime's exceptions have no common base
        raise ProjectError(f"the model cannot score rows that keep the contract: {error}") from error
    wanted = (len(rows), len(contract.classes)) if contract.classes else (len(rows),)
    if found.shape != wanted:
        raise ProjectError(f"the model answers {len(rows)} rows in shape {found.shape}; the contract needs {wanted}")
    if not np.isfinite(found).all():
        raise ProjectError(f"the model answers {_first(rows, ~np.isfinite(found))} with a number that is not finite")
    if contract.classes and (wrong := (found < 0) | (np.abs(found.sum(axis=1, keepdims=True) - 1) > 1e-3)).any():
        raise ProjectError(f"the model's answers are not probabilities that add up to 1, as to {_first(rows, wrong)}")
    return found


def _first(rows: list[dict[str, Any]], wrong: np.ndarray) -> dict[str, Any]:
    return rows[int(np.flatnonzero(wrong.reshape(len(rows), -1).any(axis=1))[0])]


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: digest(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
