"""The categories that a fitted pipeline knows, of columns whose contract does not list them."""

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from ..contract.column import MISSING
from ..contract.contract import Contract


def known_categories(fitted: BaseEstimator, contract: Contract) -> dict[str, list[str]]:
    """Return the known values by column, sorted; a column is absent if the pipeline does not show what it knows."""
    features = {feature.name: feature for feature in contract.features if feature.kind == "category"}
    known: dict[str, list[str]] = {}
    for step in [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]:
        for _, transformer, names in step.transformers_ if isinstance(step, ColumnTransformer) else ():
            encoder = transformer[0] if isinstance(transformer, Pipeline) else transformer
            for name, values in zip(names, getattr(encoder, "categories_", ()), strict=False):
                feature = features.get(name)
                if feature and feature.function is None and not contract.columns[feature.column].categories:
                    known[feature.column] = sorted(value for value in map(str, values) if value != MISSING)
    return known
