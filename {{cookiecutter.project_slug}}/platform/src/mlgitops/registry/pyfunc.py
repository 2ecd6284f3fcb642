"""The exported model as MLflow's own kind of model, which answers a table of raw rows as the service does."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Map

from ..contract.contract import Contract
from ..model.scorer import Scorer
from ..serving.request import RequestError
from ..serving.rows import CHUNK_ROWS, answer, describe

EXPORT = "export"  # the name of the artifact that is the folder which export wrote
REQUIREMENTS = ("click", "numpy", "onnxruntime", "pandas", "pyarrow", "pydantic", "pyyaml")


class ExportedModel(PythonModel):
    """The folder that export wrote, behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model; its digests are checked."""
        self.scorer = Scorer(Path(context.artifacts[EXPORT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one answer per row; rows that break the contract are refused, with the service's words."""
        answers = []
        for first in range(0, len(model_input), CHUNK_ROWS):
            try:
                answers += answer(self.scorer, model_input.iloc[first : first + CHUNK_ROWS], first)
            except RequestError as error:
                raise MlflowException.invalid_parameter_value(f"{error.error}: {describe(error)}") from None
        return pd.DataFrame(answers, index=model_input.index)


def signature(contract: Contract) -> ModelSignature:
    """Return the columns of a raw row, and those of an answer.

    MLflow takes no whole numbers for numbers nor the other way round, and no missing truths; which of them a frame has
    is chance. So all but categories are declared as of any type, and `RequestParser` checks them.
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
