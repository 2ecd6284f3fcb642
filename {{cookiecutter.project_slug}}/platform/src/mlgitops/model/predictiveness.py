"""Measures how well one column alone predicts the target."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..contract.contract import Task
from .metrics import primary


def coded(values: pd.Series) -> np.ndarray:
    """Return a column as numbers: times as integers, categories as codes by frequency; missing ones are the lowest."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.astype("int64").where(values.notna())
    elif not pd.api.types.is_numeric_dtype(values):
        order = values.value_counts().index
        values = pd.Series(pd.Index(order).get_indexer(values), index=values.index).replace(-1, np.nan)
    numbers = pd.Series(values.to_numpy(dtype="float64", na_value=np.nan))
    codes: np.ndarray = numbers.fillna(numbers.min() - 1).fillna(0).to_numpy()
    return codes


def predictiveness(values: pd.Series, truth: pd.Series, task: Task) -> float:
    """Return how well one column predicts the target: the cross-validated primary metric of a small tree."""
    inputs = coded(values).reshape(-1, 1)
    if task == "regression":
        expected = truth.to_numpy(dtype="float64")
        number: Any = DecisionTreeRegressor(min_samples_leaf=5, random_state=0)
        monotone = pd.Series(inputs[:, 0]).corr(pd.Series(expected), method="spearman") ** 2  # 1 if monotonic
        predicted = cross_val_predict(number, inputs, expected, cv=KFold(3, shuffle=True, random_state=0))
        return max(0.0 if np.isnan(monotone) else float(monotone), primary(task, expected, predicted))
    codes = pd.factorize(truth, sort=True)[0]
    if np.bincount(codes).min() < 3:
        return 0.0
    tree: Any = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return primary(task, codes, cross_val_predict(tree, inputs, codes, cv=folds, method="predict_proba"))
