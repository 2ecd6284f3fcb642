"""Words of free text as inputs of a model: those that tell most about the target, the same in ONNX."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer

MAX_CANDIDATES = 5000  # most frequent words and pairs of words, among which the vocabulary is chosen
MIN_TEXTS = 3  # that contain a word, or a pair
NEVER = "-"  # no word: the vocabulary if no word is frequent


class Words(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turns a column of texts, as `strings.words` returns them, into 1 and 0: whether a text has a word or a pair."""

    def __init__(self, count: int = 200, classes: bool = True) -> None:
        """Choose *count* words and pairs; *classes* says whether the target is one of several classes, or a number."""
        self.count = count
        self.classes = classes

    def fit(self, texts: pd.DataFrame, truth: np.ndarray) -> Self:
        """Choose the words and pairs that are most correlated with the target; equal ones in alphabetical order."""
        counter = _counter(min_df=MIN_TEXTS, max_features=MAX_CANDIDATES)
        try:
            present = counter.fit_transform(_column(texts))
        except ValueError:  # no word is that frequent
            self.vocabulary_ = [NEVER]
            return self
        goals = np.eye(int(truth.max()) + 1)[truth] if self.classes else np.asarray(truth, dtype="float64")[:, None]
        goals = (goals - goals.mean(axis=0)) / np.maximum(goals.std(axis=0), np.finfo("float32").tiny)
        share = np.asarray(present.mean(axis=0))[0]
        spread = np.sqrt(np.maximum(share * (1 - share), 1 / len(goals) ** 2))
        strength = np.abs(present.T @ goals / len(goals)).max(axis=1) / spread
        names = counter.get_feature_names_out()
        best = np.lexsort((names, -strength.round(12)))[: self.count]
        self.vocabulary_ = sorted(map(str, names[best]))
        return self

    def transform(self, texts: pd.DataFrame) -> np.ndarray:
        """Return one column for each word or pair of the vocabulary, in alphabetical order."""
        counted: Any = _counter(vocabulary=self.vocabulary_).transform(_column(texts))
        present: np.ndarray = counted.toarray().astype("float32")
        return present

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the words and pairs."""
        return np.array(self.vocabulary_, dtype=object)


def _counter(**settings: Any) -> CountVectorizer:
    return CountVectorizer(lowercase=False, token_pattern="[^ ]+", ngram_range=(1, 2), binary=True, **settings)  # noqa: S106  # a pattern of words


def _column(texts: pd.DataFrame) -> Any:
    return np.asarray(texts, dtype=object)[:, 0]
