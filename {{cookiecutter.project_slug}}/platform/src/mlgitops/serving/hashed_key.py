"""Hashes the key of a row, so that predictions and outcomes can be joined without storing the key itself."""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ..contract.contract import Contract

HEX_CHARS = 32  # 128 bits of the HMAC

_quoted = json.JSONEncoder().encode


class KeyHash:
    """HMAC-SHA256 of the contract's key columns; the same for a request and for a table with that row."""

    def __init__(self, contract: Contract, secret: str) -> None:
        """Hash with *secret*; whoever knows it can test whether a key is in the log."""
        self._types = {name: contract.columns[name].type for name in contract.key}
        # The prediction log hashes each request. A copy of this object costs half as much as a call of hmac.digest.
        self._keyed = hmac.new(secret.encode(), digestmod="sha256")

    def rows(self, columns: Mapping[str, Sequence[Any]]) -> list[str | None]:
        """Return the hash of each row; None for a row without a complete key."""
        return [self.row(values) for values in zip(*(columns[name] for name in self._types), strict=True)]

    def row(self, values: Sequence[Any]) -> str | None:
        """Return the hash of one key, its values in the order of the contract; None if a value is missing."""
        strings = []
        for value, kind in zip(values, self._types.values(), strict=True):
            if value is None:
                return None
            strings.append(_quoted(value.strip() if type(value) is str else _canonical(value, kind)))
        keyed = self._keyed.copy()
        keyed.update(f"[{', '.join(strings)}]".encode())
        return keyed.hexdigest()[:HEX_CHARS]


def _canonical(value: Any, kind: str) -> str:
    """Return one spelling of a value, whether it comes from JSON or from a typed table."""
    if isinstance(value, datetime) and kind == "datetime":
        return value.isoformat(timespec="milliseconds")  # tables keep milliseconds
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
