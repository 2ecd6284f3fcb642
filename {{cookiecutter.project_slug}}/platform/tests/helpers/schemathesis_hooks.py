"""What the OpenAPI document cannot say: which times there are, and which of them the contract allows."""

import re
from pathlib import Path
from typing import Any

import schemathesis

from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import PATTERNS
from mlgitops.contract.synthetic import example_rows

CONTRACT = Contract.load(Path("contract.yaml"))
USUAL = example_rows(CONTRACT, 1)[0]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Put times that the contract allows where the document asks for any."""
    case.body = _allowed(case.body)


def _allowed(body: Any) -> Any:
    if isinstance(body, list):
        return [_allowed(row) for row in body]
    if not isinstance(body, dict):
        return body
    return {name: USUAL[name] if _is_time(name, cell) else cell for name, cell in body.items()}


def _is_time(name: str, cell: Any) -> bool:
    pattern = PATTERNS.get(CONTRACT.inputs[name].type) if name in CONTRACT.inputs else None
    return pattern is not None and isinstance(cell, str) and re.search(pattern, cell) is not None
