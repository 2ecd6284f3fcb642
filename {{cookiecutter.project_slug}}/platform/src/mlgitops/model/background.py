"""The background of reasons: rows of the train part that travel with the model, in background.json."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.row_schema import request_model

FILE = "background.json"


def write(folder: Path, rows: list[dict[str, Any]], contract: Contract) -> None:
    """Write those of *rows* that keep *contract* to the model in *folder*; no file if there are none."""
    reader = TypeAdapter(request_model(contract))

    def keeps(row: dict[str, Any]) -> bool:
        try:
            reader.validate_json(json.dumps(row))
        except ValidationError:
            return False
        return True

    if accepted := [row for row in rows if keeps(row)]:
        files.write_json(folder / FILE, {"rows": accepted})


def read(folder: Path, contract: Contract) -> list[dict[str, Any]]:
    """Return the rows as a request has them once it is read; raises ProjectError if the model has none."""
    if not (folder / FILE).is_file():
        raise ProjectError(
            f"{folder}: the model was exported without background rows, which reasons are computed from: set "
            "export.background_rows in params.yaml, such as 50, and export it again"
        )
    return parsed(files.read_json(folder / FILE)["rows"], contract)


def parsed(rows: list[dict[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """Return the values of *rows*, which keep *contract*, as the scorer takes them."""
    reader = TypeAdapter(request_model(contract))
    return [reader.validate_json(json.dumps(row)) for row in rows]
