"""JSON schemas of the responses of the service: answers and errors."""

from typing import Any

from ..contract.contract import Contract
from .refusal import MAX_DETAILS

ENDS = {"low": "Lower", "high": "Upper"}
ERROR = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {
        "error": {"type": "string", "description": "What is wrong, and what to do."},
        "details": {
            "type": "array",
            "description": f"The first {MAX_DETAILS} errors. Values that were sent are never repeated.",
            "maxItems": MAX_DETAILS,
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
    description = {"description": target.description or contract.target}
    properties: dict[str, Any] = {"prediction": {"type": contract.prediction, **values, **description}}
    if contract.interval:
        bound = f"end of the interval that contains {contract.interval:.0%} of the actual numbers."
        properties |= {name: {"type": "number", "description": f"{word} {bound}"} for name, word in ENDS.items()}
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


def explanation(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of an answer with its reasons."""
    answered, scale = answer(contract), _scale(contract)
    reason = {
        "type": "object",
        "properties": {
            "field": {"enum": list(contract.inputs), "description": "Name of the field."},
            "contribution": {"type": "number", "description": f"What its value adds to {scale}."},
        },
        "required": ["field", "contribution"],
        "additionalProperties": False,
    }
    properties = {
        "base": {"type": "number", "description": f"Mean of {scale} over background rows of the training data."},
        "reasons": {
            "type": "array",
            "items": reason,
            "description": f"The strongest first. `base` and all contributions add up to {scale}.",
        },
    }
    return {
        **answered,
        "properties": answered["properties"] | properties,
        "required": [*answered["required"], *properties],
    }


def _scale(contract: Contract) -> str:
    if not contract.classes:
        return "the predicted number"
    return "`probability`" if len(contract.classes) == 2 else "the probability of the predicted class"
