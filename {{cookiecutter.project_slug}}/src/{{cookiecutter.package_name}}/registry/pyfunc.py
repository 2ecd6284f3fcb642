"""The exported model as MLflow's own kind of model, which answers a table of raw rows as the service does."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Map

from .. import table
from ..contract import Contract
from ..scorer import Scorer
from ..service.request import Reader, RequestError

EXPORT = "export"  # the name of the artifact that is the folder which export wrote
REQUIREMENTS = ("click", "numpy", "onnxruntime", "pandas", "pyarrow", "pydantic", "pyyaml")
PART = 10_000  # rows that are read and answered at once


class ExportedModel(PythonModel):
    """The folder that export wrote, behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model; its digests are checked."""
        self.scorer = Scorer(Path(context.artifacts[EXPORT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one answer per row; rows that break the contract are refused, with the service's words."""
        contract, answers = self.scorer.contract, []
        for start in range(0, len(model_input), PART):
            rows = _records(model_input.iloc[start : start + PART], contract)
            try:
                columns, _ = Reader(contract, PART).read(json.dumps(rows, ensure_ascii=False).encode())
            except RequestError as error:
                raise MlflowException.invalid_parameter_value(_worded(error, start)) from None
            answers += self.scorer.answers(columns)
        return pd.DataFrame(answers, index=model_input.index)


def _records(rows: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    """Return the inputs of typed or untyped *rows* as a caller of the service would send them."""
    there = rows[[name for name in contract.inputs if name in rows]]
    typed = table.parse(there, contract)
    cells = {name: _json(typed[name], contract.columns[name].type) for name in typed}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _json(cells: pd.Series, kind: str) -> list[Any]:
    if pd.api.types.is_datetime64_dtype(cells):
        cells = cells.dt.strftime("%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M:%S")
    filled = cells.notna().tolist()
    return [
        (cell if isinstance(cell, str | int | float) else str(cell)) if there else None
        for cell, there in zip(cells.tolist(), filled, strict=True)
    ]


def _worded(error: RequestError, start: int) -> str:
    where = [f"row {start + d['row']}, {d['field']}: {d['message']}" for d in error.details if d["row"] is not None]
    return "\n  ".join([error.error, *where])


def signature(contract: Contract) -> ModelSignature:
    """Return the columns of a raw row, and those of an answer.

    MLflow takes no whole numbers for numbers nor the other way round, and no missing truths; which of them a frame has
    is chance. So all but categories are declared as of any type, and `Reader` checks them.
    """
    unsure: Any = AnyType
    inputs: list[Any] = [
        ColSpec(DataType.string if column.type == "category" else unsure(), name, required=not column.missing)
        for name, column in contract.inputs.items()
    ]
    return ModelSignature(Schema(inputs), Schema(_answer(contract)))


def _answer(contract: Contract) -> list[Any]:
    if not contract.classes:
        return [ColSpec(DataType.double, "prediction")]
    truth = contract.columns[contract.target].type == "boolean"
    decided = ColSpec(DataType.boolean if truth else DataType.string, "prediction")
    if len(contract.classes) == 2:
        return [decided, ColSpec(DataType.double, "probability")]
    return [decided, ColSpec(Map(DataType.double), "probabilities")]
