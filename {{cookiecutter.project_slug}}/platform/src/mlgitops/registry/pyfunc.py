"""The exported model as an MLflow pyfunc model; predictions for raw rows equal those of the service."""

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
from ..serving.refusal import RequestError
from ..serving.rows import CHUNK_ROWS, answer, describe

EXPORT = "export"  # name of the artifact: the exported folder
REQUIREMENTS = ("click", "numpy", "onnxruntime", "pandas", "pyarrow", "pydantic", "pyyaml")


class ExportedModel(PythonModel):
    """An exported folder behind MLflow's PythonModel interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model and verify its digests."""
        self.scorer = Scorer(Path(context.artifacts[EXPORT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one prediction per row; raises MlflowException with the service's message for an invalid row."""
        answers = []
        for first in range(0, len(model_input), CHUNK_ROWS):
            try:
                answers += answer(self.scorer, model_input.iloc[first : first + CHUNK_ROWS], first)
            except RequestError as error:
                raise MlflowException.invalid_parameter_value(f"{error.error}: {describe(error)}") from None
        return pd.DataFrame(answers, index=model_input.index)


def signature(contract: Contract) -> ModelSignature:
    """Return the schemas of raw rows and of predictions.

    MLflow distinguishes integers from floats and rejects missing booleans, but the types in a frame depend on its rows.
    So all columns except categories are declared with any type, and `RequestParser` checks the values.
    """
    any_type: Any = AnyType
    inputs: list[Any] = [
        ColSpec(DataType.string if column.type == "category" else any_type(), name, required=not column.missing)
        for name, column in contract.inputs.items()
    ]
    return ModelSignature(Schema(inputs), Schema(_prediction(contract)))


def _prediction(contract: Contract) -> list[Any]:
    if not contract.classes:
        return [ColSpec(DataType.double, name) for name in ("prediction", *contract.ends)]
    is_boolean = contract.columns[contract.target].type == "boolean"
    prediction = ColSpec(DataType.boolean if is_boolean else DataType.string, "prediction")
    if len(contract.classes) == 2:
        return [prediction, ColSpec(DataType.double, "probability")]
    return [prediction, ColSpec(Map(DataType.double), "probabilities")]
