"""Predictions of an exported model, with ONNX runtime, numpy and the contract; no training library is needed."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common import files
from ..common.errors import ProjectError
from ..common.project import FEATURES
from ..contract.contract import Contract
from ..data.encode import Columns, encode
from .interface import FILE as FEATURES_JSON
from .interface import Interface, interface
from .onnx_session import open_session

EVALUATED = "evaluated.onnx"  # the model whose results are reported, where model.onnx is fitted again on all rows
CATEGORIES = "categories.json"  # the values that the model knows of columns whose contract lists none


class Scorer:
    """An exported model; digests are checked against the manifest before a file is loaded."""

    def __init__(self, folder: Path, evaluated: bool = False) -> None:
        """Load the model in *folder*, or the *evaluated* one where `train.refit` has fitted the exported one again.

        Raises ProjectError if a file is missing or its digest differs.
        """
        self.folder, self.manifest = folder, read_manifest(folder)
        self.contract = Contract.with_features(folder / "contract.yaml", folder / FEATURES)
        known = (
            files.read_json(folder / CATEGORIES) if (folder / CATEGORIES).is_file() else {}
        )  # absent in older models
        self.known_categories = {name: frozenset([*values, None]) for name, values in known.items()}
        self._interval = self.manifest.get("interval") if self.contract.interval else None
        if self.contract.interval and not self._interval:
            raise ProjectError(
                f"{folder}: contract.yaml asks for an interval of {self.contract.interval:.0%}, and this model has "
                "none: train it here, or remove `interval`"
            )
        self._session = open_session(self._model(evaluated))
        self._run = getattr(self._session, "_sess", self._session).run  # skips a check of names that takes 20 µs
        self.interface = self._interface()
        self.threshold = float(self.manifest["threshold"])  # decision threshold of a binary model
        self._outputs, bound = [self.interface.output], self.interface.bound(self.contract)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]
        self.features = tuple(feature for feature in bound if feature.name in self._inputs)  # an older model: fewer
        if unknown := set(self._inputs) - {feature.name for feature in self.features}:
            raise ProjectError(
                f"{folder}: the model reads {', '.join(sorted(unknown))}, which this code does not compute: "
                "check out the commit that exported the model"
            )

    def _model(self, evaluated: bool) -> Path:
        refit, path = self.manifest.get("refit"), self.folder / EVALUATED
        if not (evaluated and refit):
            return self.folder / "model.onnx"
        if not path.is_file() or digest(path) != refit["evaluated_sha256"]:
            raise ProjectError(f"{path} is not the file that was evaluated: build it with `dvc repro`")
        return path

    def _interface(self) -> Interface:
        """Return the content of features.json, derived from the contract for a model that was exported without it."""
        if (self.folder / FEATURES_JSON).is_file():
            return Interface.load(self.folder / FEATURES_JSON)
        functions = [feature.name for feature in self.contract.features if feature.function]
        python_only = dict.fromkeys(functions, "is of a model that was exported without features.onnx")
        output = self._session.get_outputs()[-1].name
        return interface(self.contract, output, python_only)

    def predict(self, columns: Columns) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or numbers of shape (rows,), float32; see `encode`."""
        return self.run(encode(columns, self.contract, self.features))

    def run(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the same for features that are encoded."""
        answer: np.ndarray = self._run(self._outputs, {name: features[name] for name in self._inputs}, None)[0]
        return answer if self.contract.classes else answer.reshape(-1)

    def unknown_categories(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, int]:
        """Return how many values of each column the model has never seen, where there are any; None is no value."""
        counts = {
            name: sum(value not in known for value in columns[name]) for name, known in self.known_categories.items()
        }
        return {name: count for name, count in counts.items() if count}

    def answers(self, columns: Columns) -> list[dict[str, Any]]:
        """Return one answer per row, as the service and batch scoring return it."""
        return self.to_answers(self.predict(columns))

    def to_answers(self, predicted: np.ndarray) -> list[dict[str, Any]]:
        """Convert the output of `predict` to answers: the class or number, and the probabilities of classes."""
        classes = self.contract.classes
        if not classes:
            return self._numbers(predicted)
        if len(classes) == 2:
            negative, positive = (False, True) if self.contract.prediction == "boolean" else classes
            probabilities = predicted[:, 1].tolist()
            return [
                {"prediction": positive if p >= self.threshold else negative, "probability": p} for p in probabilities
            ]
        best = predicted.argmax(axis=1).tolist()
        return [
            {"prediction": classes[b], "probabilities": dict(zip(classes, p, strict=True))}
            for b, p in zip(best, predicted.tolist(), strict=True)
        ]

    def _numbers(self, predicted: np.ndarray) -> list[dict[str, Any]]:
        columns = [predicted.tolist(), *(end.tolist() for end in self.interval(predicted))]
        names = ("prediction", *self.contract.ends)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def interval(self, predicted: np.ndarray) -> list[np.ndarray]:
        """Return both ends of the interval of each predicted number; nothing if the contract asks for none."""
        return [predicted.astype("float64") + offset for offset in self._interval or ()]


def difference(expected: list[dict[str, Any]], actual: list[dict[str, Any]], tolerance: float = 1e-5) -> str:
    """Describe the first row in which *actual* differs from *expected* by more than *tolerance*; "" if none does."""
    if len(expected) != len(actual):
        return f"{len(actual)} answers to {len(expected)} rows"
    for row, (left, right) in enumerate(zip(expected, actual, strict=True)):
        if not _same(left, right, tolerance):
            return f"row {row}: {json.dumps(right)} instead of {json.dumps(left)}"
    return ""


def _same(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[name], tolerance) for name, value in left.items())
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    return bool(left == right)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of an exported model that serving needs, by name; the manifest has its own."""
    apart = ("manifest.json", EVALUATED)
    return {path.name: digest(path) for path in sorted(folder.iterdir()) if path.name not in apart}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return manifest.json of an exported model, after checking the digest of every file; raises ProjectError."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise ProjectError(f"{path} is missing: build the model with `dvc repro`, or fetch it with `dvc pull`")
    manifest: dict[str, Any] = files.read_json(path)
    for name, expected in manifest["files"].items():
        if not (folder / name).is_file() or digest(folder / name) != expected:
            raise ProjectError(f"{folder / name} is not the file that was exported with this model: its digest differs")
    return manifest
