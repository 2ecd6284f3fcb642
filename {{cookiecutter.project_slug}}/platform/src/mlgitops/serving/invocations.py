"""The contracts of MLflow and SageMaker (/ping, /invocations) and of Vertex AI (AIP_* variables)."""

import json
import os
import re
from collections.abc import Iterator
from functools import partial

from ..common.errors import ProjectError
from ..contract.contract import Contract
from .body_parts import ARRAY
from .envelope import Envelope
from .open_inference import fields
from .protocol import Adapter, Call, sentence
from .refusal import RequestError
from .transposed import check_names, parsed, rows_of_arrays, rows_of_columns

SHAPE = (
    '[{…}, {…}], or {"dataframe_split": …}, {"dataframe_records": …}, {"instances": …} or {"inputs": …} as in MLflow'
)
TABLE = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"(?:dataframe_split|inputs|params)"')
MLFLOW_CODES = {  # as in mlflow.protos.databricks_pb2
    400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 404: "ENDPOINT_NOT_FOUND", 422: "INVALID_PARAMETER_VALUE",
    500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
GOOGLE_CODES = {  # as in google.rpc.Code
    401: "UNAUTHENTICATED", 404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 413: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
    503: "UNAVAILABLE",
}  # fmt: skip
ROUTE = re.compile(r"/[A-Za-z0-9/_.:~-]{0,500}")  # of Vertex; also /v1/endpoints/1/deployedModels/2:predict


def adapters(contract: Contract, max_rows: int) -> dict[str, Adapter]:
    """Return the adapters of MLflow and SageMaker, by path."""
    made = partial(Adapter, refused=mlflow_refused)
    return {
        "/ping": made("/ping", page=lambda: b"\n", open=True),
        "/invocations": made("/invocations", read=lambda body: invocation(body, contract, max_rows)),
    }


def vertex_adapters() -> dict[str, Adapter]:
    """Return the adapters of Vertex AI at the paths that its variables name; raises ProjectError."""
    made = partial(Adapter, refused=vertex_refused)
    shape = '{"instances": [{…}, {…}]}'
    paths = {
        "AIP_HEALTH_ROUTE": made("vertex health", page=lambda: b"{}", open=True),
        "AIP_PREDICT_ROUTE": made("vertex predict", read=lambda body: Envelope(body, ("instances",), shape)),
    }
    return {_route(name): adapter for name, adapter in paths.items() if os.environ.get(name)}


def _route(name: str) -> str:
    route = os.environ[name]
    if not ROUTE.fullmatch(route):
        raise ProjectError(f"{name}: {route!r} is not a path: start it with /")
    return route


def invocation(body: bytearray, contract: Contract, max_rows: int) -> Call:
    """Return the call in the body of a request to /invocations; raises RequestError."""
    if ARRAY.match(body):
        return _Plain(body)
    if TABLE.match(body):
        return _Table(body, contract, max_rows)
    return Envelope(body, ("instances", "dataframe_records"), SHAPE)


def mlflow_refused(error: RequestError) -> tuple[int, bytes]:
    """Return status and body of an error as MLflow's scoring server answers."""
    status = 400 if error.status == 422 else error.status
    content = {"error_code": MLFLOW_CODES.get(error.status, "BAD_REQUEST"), "message": sentence(error)}
    return status, json.dumps(content, ensure_ascii=False).encode()


def vertex_refused(error: RequestError) -> tuple[int, bytes]:
    """Return status and body of an error as Google's APIs answer."""
    status = 400 if error.status == 422 else error.status
    code = GOOGLE_CODES.get(error.status, "INVALID_ARGUMENT")
    content = {"error": {"code": status, "message": sentence(error), "status": code}}
    return status, json.dumps(content, ensure_ascii=False).encode()


class _Plain:
    """An array of rows, answered as /predict answers: SageMaker prescribes no body."""

    def __init__(self, body: bytearray) -> None:
        self._body = body

    def bodies(self) -> Iterator[bytearray]:
        yield self._body

    def answer(self, answers: bytes) -> bytes:
        return answers


class _Table:
    """A pandas table in the orientation split, or columns below `inputs`, as MLflow's clients send them."""

    def __init__(self, body: bytearray, contract: Contract, max_rows: int) -> None:
        self._max_rows, document = max_rows, parsed(body, max_rows)
        if document.pop("params", None):
            raise RequestError(400, "the model has no parameters: send no `params`")
        if len(document) != 1:
            raise RequestError(400, f"the body has another shape: send {SHAPE}")
        ((name, table),) = document.items()
        known = fields(contract).__contains__
        if name in ("instances", "dataframe_records"):
            raise RequestError(400, f"the body has another shape: send `params` last, or {SHAPE}")
        columns, data = (table.get("columns"), table.get("data")) if isinstance(table, dict) else (None, None)
        if name == "dataframe_split" and isinstance(columns, list) and isinstance(data, list):
            check_names(columns, known)
            self._rows = rows_of_arrays(columns, data, max_rows)
        elif name == "inputs" and isinstance(table, dict) and all(isinstance(v, list) for v in table.values()):
            check_names(list(table), known)
            if len({len(values) for values in table.values()}) > 1:
                raise RequestError(400, "the columns have different numbers of rows")
            self._rows = rows_of_columns(table, max_rows)
        else:
            raise RequestError(400, f"the body has another shape: send {SHAPE}")

    def bodies(self) -> Iterator[bytes]:
        return self._rows

    def answer(self, answers: bytes) -> bytes:
        return b'{"predictions":%b}' % answers
