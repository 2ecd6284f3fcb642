"""Answers rows with an exported model: ONNX runtime, numpy and the contract, nothing to train with."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common import files
from ..common.errors import ProjectError
from ..common.project import FEATURES
from ..contract.contract import Contract
from ..data.encode import encode

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class Scorer:
    """An exported model, its digests checked against its manifest before anything is loaded."""

    def __init__(self, folder: Path) -> None:
        """Load the model in *folder*; raises ProjectError when a file is absent or is not the one that was exported."""
        import onnxruntime

        self.folder, self.manifest = folder, read_manifest(folder)
        self.contract = Contract.with_features(folder / "contract.yaml", folder / FEATURES)
        self.threshold = float(self.manifest["threshold"])  # of a binary model: the smallest positive probability
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()][-1:]
        self._inputs = [given.name for given in self._session.get_inputs()]  # fewer than features, of an older commit
        if unknown := set(self._inputs) - {feature.name for feature in self.contract.features}:
            raise ProjectError(
                f"{folder}: the model reads {', '.join(sorted(unknown))}, which the code here does not compute: "
                "it needs that of the commit that made it"
            )

    def predict(self, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or numbers of shape (rows,), float32; see `encode`."""
        features = encode(columns, self.contract)
        answer: np.ndarray = self._session.run(self._outputs, {name: features[name] for name in self._inputs})[0]
        return answer if self.contract.classes else answer.reshape(-1)

    def answers(self, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> list[dict[str, Any]]:
        """Return one answer per row, as the service and batch scoring give it."""
        return self.worded(self.predict(columns))

    def worded(self, predicted: np.ndarray) -> list[dict[str, Any]]:
        """Put what `predict` returned into words: the class or number, and the probabilities behind it."""
        classes = self.contract.classes
        if not classes:
            return [{"prediction": number} for number in predicted.tolist()]
        if len(classes) == 2:
            no, yes = (False, True) if self.contract.prediction == "boolean" else classes
            positive = predicted[:, 1].tolist()
            return [{"prediction": yes if p >= self.threshold else no, "probability": p} for p in positive]
        best = predicted.argmax(axis=1).tolist()
        return [
            {"prediction": classes[b], "probabilities": dict(zip(classes, p, strict=True))}
            for b, p in zip(best, predicted.tolist(), strict=True)
        ]


def difference(expected: list[dict[str, Any]], answered: list[dict[str, Any]], tolerance: float = 1e-5) -> str:
    """Say in which row *answered* differs from *expected* by more than *tolerance*; "" where it does not."""
    if len(expected) != len(answered):
        return f"{len(answered)} answers to {len(expected)} rows"
    for row, (one, other) in enumerate(zip(expected, answered, strict=True)):
        if not _same(one, other, tolerance):
            return f"row {row}: {json.dumps(other)} instead of {json.dumps(one)}"
    return ""


def _same(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name], tolerance) for name, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return manifest.json of an exported model after checking every file that it names; raises ProjectError."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise ProjectError(f"{path} is missing: make the model with `dvc repro`, or fetch it with `dvc pull`")
    manifest: dict[str, Any] = files.read_json(path)
    for name, expected in manifest["files"].items():
        if not (folder / name).is_file() or digest(folder / name) != expected:
            raise ProjectError(f"{folder / name} is not the file that was exported with this model: its digest differs")
    return manifest
