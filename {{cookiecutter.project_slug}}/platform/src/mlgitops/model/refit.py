"""The released model, fitted again on all rows with what the evaluated one was made with: `train.refit`.

The evaluation, the calibration, the decision threshold and the interval stay those of the model that has not seen the
test part: they come from predictions of models that were fitted on fewer rows still, those of the cross-validation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from . import calibration, pipeline
from .calibration import Curve
from .rehearsal import exported
from .trained import Description, Recipe


def recipe(rows: int, settings: Mapping[str, Any], curves: Sequence[Curve]) -> Recipe:
    """Return what is needed to fit the same model again."""
    return Recipe(rows, dict(settings), tuple((tuple(c.x.tolist()), tuple(c.y.tolist())) for c in curves))


def refit(contract: Contract, params: Params, evaluated: Description, rows: pd.DataFrame) -> tuple[bytes, Description]:
    """Return the ONNX model that is fitted on typed *rows* as the *evaluated* one was, and its description."""
    again = evaluated.recipe or Recipe(0, params.model, ())
    inputs, curves = frame.features(rows, contract), [Curve(np.array(x), np.array(y)) for x, y in again.curves]
    with threadpool_limits(1):  # as in train
        fitted = pipeline.fit(contract, again.settings, inputs, frame.target(rows, contract))
        converted, description = exported(contract, again.settings, fitted, inputs)
    converted = calibration.append(converted, curves) if curves else converted
    done = Recipe(len(rows), again.settings, again.curves)
    return converted, replace(description, interval=evaluated.interval, recipe=done)
