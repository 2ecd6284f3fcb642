"""Converts the words of free text to ONNX: split at blanks, and looked up, with operators of the standard."""

from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx.common._apply_operation import apply_reshape
from skl2onnx.common.data_types import FloatTensorType

from .words import Words

OPSET = 20  # of StringSplit


def _shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, len(operator.raw_operator.vocabulary_)])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes that split texts at blanks, and look up words and pairs; ONNX needs the words before the pairs."""
    terms = [term.split(" ") for term in operator.raw_operator.vocabulary_]
    order = [n for size in (1, 2) for n, term in enumerate(terms) if len(term) == size]
    pairs = any(len(term) == 2 for term in terms)  # words of a pair
    single = sum(len(term) == 1 for term in terms)
    flat, split, count, found = (scope.get_unique_variable_name(n) for n in ("flat", "split", "count", "found"))
    apply_reshape(scope, operator.inputs[0].full_name, flat, container, desired_shape=(-1,))
    name = scope.get_unique_operator_name
    container.add_node("StringSplit", flat, [split, count], op_version=OPSET, name=name("StringSplit"), delimiter=" ")
    container.add_node(
        "TfIdfVectorizer",
        split,
        found,
        op_version=9,
        name=name("TfIdfVectorizer"),
        mode="TF",
        min_gram_length=1,
        max_gram_length=2 if pairs else 1,
        max_skip_count=0,
        ngram_counts=[0, single] if pairs else [0],
        ngram_indexes=order,
        pool_strings=[word for n in order for word in terms[n]],
    )
    container.add_node("Sign", found, operator.outputs[0].full_name, op_version=13, name=name("Sign"))


def register() -> None:
    """Tell skl2onnx how to convert this transformer."""
    update_registered_converter(Words, "MlgitopsWords", _shape, _convert, overwrite=True)
