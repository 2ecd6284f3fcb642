"""The version of a contract for callers: it changes where the fields of a request or the answer do."""

import hashlib
import json
from typing import Any

from .contract import Contract
from .row_schema import json_schema

LENGTH = 12  # hexadecimal digits of a version


def version(contract: Contract) -> str:
    """Return a digest of what a request may hold and of what is answered; descriptions do not count."""
    answer = [contract.task, contract.target, contract.prediction, contract.classes]
    text = json.dumps([_plain(json_schema(contract)), answer], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _plain(schema: Any) -> Any:
    """Return *schema* without the descriptions, which are strings: a field of that name is an object."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    described = isinstance(schema.get("description"), str)
    return {name: _plain(value) for name, value in schema.items() if not (described and name == "description")}
