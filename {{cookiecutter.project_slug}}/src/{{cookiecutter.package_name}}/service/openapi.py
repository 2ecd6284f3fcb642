"""The service in OpenAPI 3.1, derived from the contract, with the model's golden rows as examples."""

from http import HTTPStatus
from typing import Any

from ..contract import Contract
from ..schema import json_schema
from .limits import Limits
from .request import DETAILS, Reader, RequestError

ERROR = {
    "type": "object",
    "description": "Why a request was not answered.",
    "properties": {
        "error": {"type": "string", "description": "What is wrong, and what to do."},
        "details": {
            "type": "array",
            "description": f"Where it is wrong: the first {DETAILS}. Nothing of what was sent is repeated.",
            "maxItems": DETAILS,
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": ["integer", "null"], "minimum": 0, "description": "Position of the row, from 0."},
                    "field": {"type": ["string", "null"], "description": "Name of the field."},
                    "message": {"type": "string"},
                },
                "required": ["row", "field", "message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["error", "details"],
    "additionalProperties": False,
}
HEALTH = ("livez", "readyz")  # answered by BentoML, to everybody
MEANINGS = {
    400: "The body is not JSON.",
    401: "The key is missing or wrong: send `Authorization: Bearer KEY`.",
    408: "The body took too long to arrive.",
    413: "The body is too large, or has too many rows.",
    415: "The body is not sent as `application/json`.",
    422: "A row does not keep the contract.",
    500: "The service has failed; its log says where.",
    503: "Too much is waiting: try again after `Retry-After` seconds.",
}


def document(contract: Contract, golden: dict[str, Any], version: str, limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI document of the service."""
    said = contract.columns[contract.target].description
    security: dict[str, Any] = {}
    if limits.api_key:
        security = {"security": [{"key": []}]}
    row = {name: value for name, value in json_schema(contract).items() if name != "$schema"}
    schemas = {"Row": {"examples": golden["rows"][:1], **row}, "Answer": _answer(contract), "Error": ERROR}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{contract.target}: scoring service",
            "version": version,
            "description": f"Predicts **{contract.target}**{f': {said}' if said else ''}. "
            f"A request has at most {limits.max_rows:,} rows and {limits.max_bytes:,} bytes.",
        },
        "servers": [{"url": "./"}],
        "paths": {
            "/predict": {"post": _predict(contract, golden, limits)},
            "/schema": {"get": _get("The JSON schema of a row", "schema", "application/json", limits)},
            "/lineage": {"get": _get("Which model this is, and its origin", "lineage", "application/json", limits)},
            "/metrics": {"get": _get("What the service counts, for Prometheus", "metrics", "text/plain", limits)},
            "/livez": {"get": _get("Is the process alive?", "livez", "text/plain", Limits())},
            "/readyz": {"get": _get("Can it answer?", "readyz", "text/plain", Limits())},
        },
        "components": {
            "schemas": schemas,
            **({"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}} if limits.api_key else {}),
        },
        **security,
    }


def _predict(contract: Contract, golden: dict[str, Any], limits: Limits) -> dict[str, Any]:
    rows, answers = golden["rows"], golden["answers"]
    row, answer = ({"$ref": f"#/components/schemas/{name}"} for name in ("Row", "Answer"))
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": limits.max_rows}
    asked = {"one": {"summary": "One row", "value": rows[0]}, "many": {"summary": "Many rows", "value": rows[:3]}}
    told = {"one": {"summary": "One row", "value": answers[0]}, "many": {"summary": "Many rows", "value": answers[:3]}}
    ok = {
        "description": "One answer for one row; for many, an array of answers in the order of the rows.",
        "headers": {"X-Model-Version": {"description": "The version that answered.", "schema": {"type": "string"}}},
        "content": {
            "application/json": {"schema": {"oneOf": [answer, {"type": "array", "items": answer}]}, "examples": told}
        },
    }
    errors = {400: _refusal(contract, b"{"), 422: _refusal(contract, b"{}")}
    errors |= dict.fromkeys((408, 413, 415, 500, 503))
    return {
        "summary": "Score one row or many",
        "operationId": "predict",
        "tags": ["score"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [row, many]}, "examples": asked}},
        },
        "responses": {
            "200": ok,
            **{str(status): _error(status, example) for status, example in sorted(errors.items())},
            **_closed(limits),
        },
    }


def _get(summary: str, name: str, kind: str, limits: Limits) -> dict[str, Any]:
    schema = {"type": "object" if kind == "application/json" else "string"}
    responses = {"200": {"description": summary, "content": {kind: {"schema": schema}}}, **_closed(limits)}
    security: dict[str, Any] = {"security": []} if name in HEALTH else {}
    tag = "health" if name in HEALTH else "about"
    return {"summary": summary, "operationId": name, "tags": [tag], "responses": responses, **security}


def _closed(limits: Limits) -> dict[str, Any]:
    return {"401": _error(401, None)} if limits.api_key else {}


def _error(status: int, example: dict[str, Any] | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Error"}}
    if example:
        content["example"] = example
    found: dict[str, Any] = {"description": MEANINGS[status], "content": {"application/json": content}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return found


def _refusal(contract: Contract, body: bytes) -> dict[str, Any] | None:
    """Return what the service answers to a wrong *body*; None where nothing is wrong with it."""
    try:
        Reader(contract, 1).read(body)
    except RequestError as refusal:
        return {"error": refusal.error, "details": refusal.details[:3]}
    return None


def _answer(contract: Contract) -> dict[str, Any]:
    share = {"type": "number", "minimum": 0, "maximum": 1}
    target = contract.columns[contract.target]
    prediction: dict[str, Any] = {"type": "number"}
    if contract.classes:
        truth = target.type == "boolean"
        prediction = {"type": "boolean"} if truth else {"type": "string", "enum": list(contract.classes)}
    properties = {"prediction": {**prediction, "description": target.description or contract.target}}
    if len(contract.classes) == 2:
        properties["probability"] = {**share, "description": f"Probability of {contract.classes[-1]}."}
    elif contract.classes:
        shares = dict.fromkeys(contract.classes, share)
        properties["probabilities"] = {"type": "object", "properties": shares, "required": list(shares)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
