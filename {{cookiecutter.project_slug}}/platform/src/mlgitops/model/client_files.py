"""What an exported model contains for other languages: features.json, features.onnx and a JavaScript client."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract.contract import Contract
from . import function_graph
from .interface import FILE as FEATURES_JSON
from .interface import interface

CLIENT = ("encode.js", "score.html")
_SOURCE = Path(__file__).parent / "javascript"


def write(folder: Path, contract: Contract, columns: Mapping[str, Any]) -> dict[str, str]:
    """Write the files beside model.onnx in *folder*; return why functions of features.py run in Python only.

    The other functions are verified on *columns*, the inputs of some rows.
    """
    import onnx

    graph = function_graph.convert(contract, columns)
    if graph.model:
        (folder / function_graph.FILE).write_bytes(graph.model)
    output = str(onnx.load(folder / "model.onnx", load_external_data=False).graph.output[-1].name)
    interface(contract, output, graph.python_only).save(folder / FEATURES_JSON)
    for name in CLIENT:
        shutil.copyfile(_SOURCE / name, folder / name)
    return graph.python_only
