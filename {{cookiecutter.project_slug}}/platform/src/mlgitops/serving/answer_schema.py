"""JSON schemas of what the service says: its answers, and its refusals."""

from typing import Any

from ..contract.contract import Contract
from .request import DETAILS

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


def answer(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of an answer."""
    share = {"type": "number", "minimum": 0, "maximum": 1}
    target = contract.columns[contract.target]
    values = {"enum": list(contract.classes)} if contract.prediction == "string" else {}
    said = {"description": target.description or contract.target}
    properties: dict[str, Any] = {"prediction": {"type": contract.prediction, **values, **said}}
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
