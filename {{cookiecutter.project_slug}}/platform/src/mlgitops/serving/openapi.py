"""The OpenAPI 3.1 document of the service, derived from the contract, with example rows."""

from typing import Any

from ..contract.contract import Contract
from ..contract.row_schema import json_schema
from .answer_schema import ERROR, answer, explanation
from .app import HEALTH
from .examples import Examples
from .limits import JSON, Limits
from .refusal import RequestError
from .request import RequestParser

READ = {
    "schema": ("The JSON schema of a row", JSON),
    "lineage": ("The model: version, run, commit and data", JSON),
    "metrics": ("Metrics of the service, for Prometheus", "text/plain"),
    "livez": ("Liveness: the process runs", "text/plain"),
    "readyz": ("Readiness: the service accepts requests", "text/plain"),
}
HEADERS = {
    "X-Model-Version": {"description": "The version that answered.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "That of the request, or a new one.", "schema": {"type": "string"}},
}
MEANINGS = {
    400: "The body is not JSON.",
    401: "The API key is missing or wrong: send `Authorization: Bearer KEY`.",
    408: "The headers or the body took too long to arrive.",
    413: "The body is too large, or contains too many rows.",
    415: "The body is not sent as `application/json`.",
    422: "A row violates the contract.",
    431: "The headers are too large.",
    500: "Internal error; see the service log.",
    503: "Too many requests are waiting: try again after `Retry-After` seconds.",
}


def document(
    contract: Contract, examples: Examples, version: str, limits: Limits, explained: int = 0
) -> dict[str, Any]:
    """Return the OpenAPI document of the service; *explained* rows of a request may get reasons, 0 if none may."""
    description = contract.columns[contract.target].description
    row = {name: value for name, value in json_schema(contract).items() if name != "$schema"}
    schemas = {"Row": {"examples": examples.rows[:1], **row}, "Answer": answer(contract), "Error": ERROR}
    if explained:
        schemas["Explanation"] = explanation(contract)
    components: dict[str, Any] = {"schemas": schemas}
    if limits.api_key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{contract.target}: scoring service",
            "version": version,
            "description": f"Predicts **{contract.target}**{f': {description}' if description else ''}. "
            f"A request has at most {limits.max_rows:,} rows and {limits.max_bytes:,} bytes.",
        },
        "servers": [{"url": "./"}],
        "paths": {
            "/predict": {"post": _predict(contract, examples, limits)},
            **({"/explain": {"post": _explain(contract, examples, limits, explained)}} if explained else {}),
            **{f"/{name}": {"get": _get(name, *entry, limits)} for name, entry in READ.items()},
        },
        "components": components,
        "security": [{"key": []}] if limits.api_key else [],
    }


def _predict(contract: Contract, examples: Examples, limits: Limits) -> dict[str, Any]:
    answers = examples.answers
    one, several = {"summary": "One row"}, {"summary": "Many rows"}
    replies = {"one": {**one, "value": answers[0]}, "many": {**several, "value": answers[:3]}} if answers else {}
    ok = {
        "description": "One answer for one row; for an array of rows, an array of answers in the same order.",
        "headers": {
            **HEADERS,
            "X-Prediction-Id": {
                "description": "The id in the prediction log, where that is on; row k of many is ID/k.",
                "schema": {"type": "string"},
            },
        },
        "content": {JSON: {"schema": _one_or_many("Answer"), "examples": replies}},
    }
    summary = "Score one row or many"
    return {"summary": summary, "operationId": "predict", **_post(contract, examples, limits, limits.max_rows, ok)}


def _explain(contract: Contract, examples: Examples, limits: Limits, rows: int) -> dict[str, Any]:
    ok = {
        "description": "The answer of `/predict` with its reasons: how much each field adds to the prediction, the "
        f"strongest first. A request has at most {rows:,} rows, because one costs as much as many predictions.",
        "headers": HEADERS,
        "content": {JSON: {"schema": _one_or_many("Explanation")}},
    }
    summary = "Score one row or many, with reasons"
    return {"summary": summary, "operationId": "explain", **_post(contract, examples, limits, rows, ok)}


def _one_or_many(schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"oneOf": [reference, {"type": "array", "items": reference}]}


def _post(contract: Contract, examples: Examples, limits: Limits, max_rows: int, ok: dict[str, Any]) -> dict[str, Any]:
    """Return what the operations have in common that read rows."""
    row, rows = {"$ref": "#/components/schemas/Row"}, examples.rows
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}
    requests = {
        "one": {"summary": "One row", "value": rows[0]},
        "many": {"summary": "Many rows", "value": rows[: min(3, max_rows)]},
    }
    errors = {400: _refusal(contract, b"{"), 422: _refusal(contract, b"{}")}
    errors |= dict.fromkeys((408, 413, 415, 431, 500, 503))
    return {
        "tags": ["score"],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"oneOf": [row, many]}, "examples": requests}},
        },
        "responses": {
            "200": ok,
            **{str(status): _error(status, example) for status, example in sorted(errors.items())},
            **_closed(limits),
        },
    }


def _get(name: str, summary: str, kind: str, limits: Limits) -> dict[str, Any]:
    content = {kind: {"schema": {"type": "object" if kind == JSON else "string"}}}
    operation = {"summary": summary, "operationId": name, "tags": ["about"]}
    ok = {"200": {"description": summary, "content": content}}
    if f"/{name}" in HEALTH:  # answered by BentoML, without the API key
        return {**operation, "tags": ["health"], "responses": ok, "security": []}
    return {**operation, "responses": {**ok, **_closed(limits)}}


def _closed(limits: Limits) -> dict[str, Any]:
    return {"401": _error(401, None)} if limits.api_key else {}


def _error(status: int, example: dict[str, Any] | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Error"}}
    if example:
        content["example"] = example
    return {"description": MEANINGS[status], "content": {JSON: content}}


def _refusal(contract: Contract, body: bytes) -> dict[str, Any] | None:
    """Return the error response to *body*, or None if the body is valid."""
    try:
        RequestParser(contract, 1).read(body)
    except RequestError as refusal:
        return {"error": refusal.error, "details": refusal.details[:3]}
    return None
