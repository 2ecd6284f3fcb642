"""The trained model: one ONNX file that holds what export, evaluate and MLflow need, and no code."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..common import files
from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.contract import Contract
from .onnx_session import open_session
from .parity import Difference

METADATA = "mlgitops"  # the key of the description in the metadata of the ONNX file


@dataclass(frozen=True)
class Recipe(Record):
    """What `train.refit` repeats on more rows: the settings, and the points of the calibration; *rows* were used."""

    rows: int
    settings: dict[str, Any]
    curves: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]


@dataclass(frozen=True)
class Description(Record):
    """A trained model beyond its graph: its name, the categories that it knows, and how exact its conversion is.

    *enforced*: columns whose statement in the contract's section `behaviour` the training has guaranteed.
    """

    label: str
    categories: dict[str, list[str]]
    difference: Difference
    interval: tuple[float, float] | None = None  # what is added to a prediction to get `low` and `high`
    enforced: tuple[str, ...] = ()
    recipe: Recipe | None = None


def write(path: Path, model: bytes, description: Description) -> None:
    """Write the ONNX *model* with its description to *path*; equal models give equal bytes."""
    import onnx

    document = onnx.load_from_string(model)
    onnx.helper.set_model_props(document, {METADATA: files.to_json(asdict(description))})
    path.write_bytes(document.SerializeToString(deterministic=True))


class Trained:
    """A trained model, which predicts with ONNX Runtime exactly as the service will."""

    def __init__(self, content: bytes | Path, contract: Contract) -> None:
        """Load the ONNX model in the file or the bytes *content*; raises ProjectError if it is none."""
        self.contract = contract
        try:
            self._session = open_session(content)
        except Exception as error:  # the runtime's exceptions have no common base
            raise ProjectError(f"{_name(content)}: ONNX Runtime cannot load this model: {error}") from error
        self._output = self._session.get_outputs()[-1].name
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        """Return probabilities (rows, classes), or numbers (rows,), for a frame of `frame.features`."""
        tensors = {name: inputs[name].to_numpy().reshape(-1, 1) for name in self._inputs}
        answer: np.ndarray = self._session.run([self._output], tensors)[0]
        return answer if self.contract.classes else answer.reshape(-1)

    def description(self) -> Description:
        """Return what `write` recorded; raises ProjectError if this is not a model that train has written."""
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            raise ProjectError("the model was not written by the stage train: run `dvc repro`")
        return Description.parse(text, "the metadata of the model")


def load(path: Path, contract: Contract) -> Trained:
    """Return the model that train has written to *path*; raises ProjectError if it is missing or another file."""
    if not path.is_file():
        raise ProjectError(f"{path} is missing: train it with `dvc repro`, or fetch it with `dvc pull`")
    return Trained(path, contract)


def _name(content: bytes | Path) -> str:
    return str(content) if isinstance(content, Path) else "the converted model"
