"""The Open Inference Protocol, version 2, which KServe, Seldon and Triton speak: a tensor for each column."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json, to_json

from ..contract.contract import Contract
from .protocol import Adapter, sentence
from .refusal import RequestError
from .tensors import tensor_values
from .transposed import check_names, parsed, rows_of_columns

DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}  # of a column; strings and times are BYTES
PREDICTION = {"boolean": "BOOL", "number": "FP32", "string": "BYTES"}


def adapters(contract: Contract, name: str, version: str, max_rows: int) -> dict[str, Adapter]:
    """Return the adapters by path, for a model with *name* and *version*."""
    made = partial(Adapter, refused=refused)
    model = "/v2/models/{name}"
    infer = made(f"{model}/infer", read=lambda body: Inference(body, contract, name, version, max_rows))
    metadata, ready = made(model, page=_page(_metadata(contract, name, version))), _page({"name": name, "ready": True})
    paths = {
        "/v2": made("/v2", page=_page({"name": name, "version": version, "extensions": []})),
        "/v2/health/live": made("/v2/health/live", page=_page({"live": True}), open=True),
        "/v2/health/ready": made("/v2/health/ready", page=_page({"ready": True}), open=True),
    }
    for base in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{quote(version)}"):
        paths |= {
            base: metadata,
            f"{base}/infer": infer,
            f"{base}/ready": made(f"{model}/ready", page=ready, open=True),
        }
    return paths


def refused(error: RequestError) -> tuple[int, bytes]:
    """Return status and body of an error; the protocol's own for a wrong input is 400."""
    status = HTTPStatus.BAD_REQUEST if error.status == HTTPStatus.UNPROCESSABLE_ENTITY else error.status
    return status, json.dumps({"error": sentence(error)}, ensure_ascii=False).encode()


def unknown(name: str, version: str) -> Adapter:
    """Return the adapter of a path that there is not, whose error names the model."""
    reason = f"there is no such model, version or path: this is {name}, version {version}, at /v2/models/{name}"

    def missing(error: RequestError) -> tuple[int, bytes]:
        return refused(RequestError(error.status, reason) if error.status == HTTPStatus.NOT_FOUND else error)

    return Adapter("other", missing)


class Inference:
    """One inference request."""

    def __init__(self, body: bytearray, contract: Contract, name: str, version: str, max_rows: int) -> None:
        """Read *body*; raises RequestError."""
        self._contract, self._max_rows = contract, max_rows
        document = parsed(body, max_rows)
        inputs, self._id = document.get("inputs"), document.get("id")
        if not isinstance(inputs, list) or not all(isinstance(tensor, dict) for tensor in inputs):
            raise RequestError(400, "the body has no array `inputs` of tensors")
        if self._id is not None and not isinstance(self._id, str):
            raise RequestError(400, "`id` is not a string")
        if len(inputs) > 2 * len(fields(contract)):
            raise RequestError(422, "there are more tensors than the contract has fields")
        names = [tensor.get("name") for tensor in inputs]
        check_names(names, fields(contract).__contains__)
        self._columns = {
            str(name): tensor_values(tensor, str(name)) for name, tensor in zip(names, inputs, strict=True)
        }
        lengths = {len(values) for values in self._columns.values()}
        if len(lengths) > 1:
            raise RequestError(422, f"the tensors have different numbers of rows: {sorted(lengths)[:5]}")
        self._requested = _requested(document.get("outputs"), _outputs(contract))
        self._facts = {"model_name": name, "model_version": version}

    def bodies(self) -> Iterator[bytes]:
        """Yield the rows."""
        return rows_of_columns(self._columns, self._max_rows)

    def answer(self, answers: bytes) -> bytes:
        """Return one output tensor for each part of an answer."""
        rows = from_json(answers)
        outputs = []
        for name in self._requested:
            values = [row[name] for row in rows]
            if name == "probabilities":
                values, shape = [share for row in values for share in row.values()], [len(rows), len(values[0])]
            else:
                shape = [len(rows)]
            outputs.append({"name": name, "shape": shape, "datatype": _outputs(self._contract)[name], "data": values})
        return to_json({**self._facts, **({"id": self._id} if self._id is not None else {}), "outputs": outputs})


def fields(contract: Contract) -> dict[str, Any]:
    """Return the columns that a request may contain."""
    return {**contract.inputs, **contract.request_keys}


def _requested(outputs: Any, available: dict[str, str]) -> list[str]:
    if outputs is None:
        return list(available)
    if not isinstance(outputs, list):
        raise RequestError(400, "`outputs` is not an array")
    names = [str(output.get("name")) if isinstance(output, dict) else "" for output in outputs]
    if any(name not in available for name in names):
        raise RequestError(400, f"there is no such output: the outputs are {', '.join(available)}")
    return list(dict.fromkeys(names)) or list(available)


def _outputs(contract: Contract) -> dict[str, str]:
    """Return the datatype of each output."""
    more = {2: {"probability": "FP32"}, 0: dict.fromkeys(contract.ends, "FP64")}.get(
        len(contract.classes), {"probabilities": "FP32"}
    )
    return {"prediction": PREDICTION[contract.prediction], **more}


def _metadata(contract: Contract, name: str, version: str) -> dict[str, Any]:
    inputs = [
        {"name": field, "datatype": DATATYPES.get(column.type, "BYTES"), "shape": [-1]}
        for field, column in contract.inputs.items()
    ]
    width = {"probabilities": [-1, len(contract.classes)]}
    outputs = [
        {"name": output, "datatype": datatype, "shape": width.get(output, [-1])}
        for output, datatype in _outputs(contract).items()
    ]
    return {"name": name, "versions": [version], "platform": "onnxruntime_onnx", "inputs": inputs, "outputs": outputs}


def _page(value: Any) -> Callable[[], bytes]:
    content = json.dumps(value, ensure_ascii=False).encode()
    return lambda: content
