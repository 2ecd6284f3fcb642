"""Rounds what an estimator has learned to float32, as ONNX does, so that both models take the same branches."""

import itertools
import re
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

THRESHOLDS = re.compile(r"(?m)^threshold=(.*)$")  # of one tree, in the text of a LightGBM model
TREE_SIZES = re.compile(r"(?m)^tree_sizes=.*\n")  # lengths of its parts, which LightGBM can do without


def to_single_precision(pipeline: BaseEstimator) -> None:
    """Round encodings and thresholds of a fitted pipeline in place; inputs are float32, so no answer changes."""
    steps = [step for _, step in pipeline.steps] if isinstance(pipeline, Pipeline) else [pipeline]
    for transformer in steps:
        for _, step, _ in transformer.transformers_ if isinstance(transformer, ColumnTransformer) else ():
            encoder = step[0] if isinstance(step, Pipeline) else step
            if isinstance(encoder, TargetEncoder):
                encoder.encodings_ = [np.float64(np.float32(means)) for means in encoder.encodings_]
                encoder.target_mean_ = np.float64(np.float32(encoder.target_mean_))
    for predictor in itertools.chain(*getattr(steps[-1], "_predictors", ())):
        predictor.nodes["num_threshold"] = rounded_down(predictor.nodes["num_threshold"])
    if type(steps[-1]).__module__.partition(".")[0] == "lightgbm":
        _round_lightgbm(steps[-1].booster_)


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """Return the largest float32 that is no larger, so that `input <= threshold` stays as it was."""
    rounded = thresholds.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > thresholds, below, rounded)


def _round_lightgbm(booster: Any) -> None:
    def line(match: re.Match[str]) -> str:
        numbers = rounded_down(np.array(match[1].split(), dtype="float64"))
        return "threshold=" + " ".join(repr(float(number)) for number in numbers)

    booster.model_from_string(TREE_SIZES.sub("", THRESHOLDS.sub(line, booster.model_to_string())))
