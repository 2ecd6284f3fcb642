"""What any language needs to run an exported model: fields, features, output and classes, in features.json.

The scorer and the JavaScript client, encode.js, read the same file; the threshold is in manifest.json, for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.as_delivered import numbers, times
from ..contract.column import NUMERIC, TEMPORAL, WORDS, Column, Part, Type
from ..contract.contract import Contract
from ..contract.features import Kind
from ..contract.model_inputs import Feature
from ..contract.row_schema import limits, time_limits
from ..contract.strings import Step
from ..contract.version import version

FILE = "features.json"
FORMAT = 1  # raised where an older reader would misread the file


@dataclass(frozen=True)
class Field:
    """One field of a row, as a request sends it."""

    type: Type
    missing: bool  # whether it may be null or absent
    read: bool  # whether the model reads it: a key only identifies the row
    description: str
    min: float | str | None  # of numbers; of times as in ISO 8601
    max: float | str | None
    max_length: int | None  # in characters, of strings
    categories: tuple[str, ...] | None
    normalize: tuple[Step, ...]  # what is done to a string first
    zone: str | None  # of times; None refuses a time with a zone
    missing_values: tuple[str | float, ...]  # what means a missing value besides null
    spelled: bool  # whether the service also reads other spellings, such as 12 kg or 31.12.2013


@dataclass(frozen=True)
class InputFeature:
    """One input of the ONNX model: a field, a part of a time, or a function of features.py."""

    name: str
    kind: Kind | Literal["text"]  # a text is sent as its words, in lower case, with one blank between two
    column: str | None
    part: Part | None
    function: str | None


@dataclass(frozen=True)
class UserFunction:
    """A function of features.py, and why other languages cannot run it, None if features.onnx computes it."""

    columns: tuple[str, ...]
    kind: Kind
    description: str
    python_only: str | None


@dataclass(frozen=True)
class Interface(Record):
    """The content of features.json."""

    format: int
    contract: str  # the version for callers
    task: str
    target: str
    fields: dict[str, Field]
    features: tuple[InputFeature, ...]
    functions: dict[str, UserFunction]
    output: str  # the output of the ONNX model that holds the prediction
    prediction: str
    classes: tuple[str, ...]

    def bound(self, contract: Contract) -> tuple[Feature, ...]:
        """Return the features of the file with the functions of *contract*; raises ProjectError if one is missing."""
        if self.format != FORMAT:
            raise ProjectError(
                f"{FILE} has format {self.format}, and this platform reads format {FORMAT}: use the platform that "
                "exported the model"
            )
        functions = {feature.name: feature.function for feature in contract.features if feature.function}
        if absent := [feature.name for feature in self.features if feature.function and feature.name not in functions]:
            raise ProjectError(f"{FILE}: features.py has no function {', '.join(absent)}, which the model reads")
        return tuple(
            Feature(f.name, f.column or "", f.kind, f.part, function=functions.get(f.function or ""))
            for f in self.features
        )


def interface(contract: Contract, output: str, python_only: Mapping[str, str]) -> Interface:
    """Return the interface of a model with this *output*; *python_only* has the reasons by function."""
    return Interface(
        FORMAT,
        version(contract),
        contract.task,
        contract.target,
        {name: _field(column, contract.decimal) for name, column in contract.inputs.items()}
        | {name: _key(column, contract.decimal) for name, column in contract.request_keys.items()},
        tuple(_feature(feature) for feature in contract.features),
        {
            f.name: UserFunction(f.columns, f.kind, f.description, python_only.get(f.name))
            for f in (feature.function for feature in contract.features)
            if f
        },
        output,
        contract.prediction,
        contract.classes,
    )


def _feature(feature: Feature) -> InputFeature:
    if feature.function:
        return InputFeature(feature.name, feature.kind, None, None, feature.function.name)
    return InputFeature(feature.name, feature.kind, feature.column, feature.part, None)


def _key(column: Column, decimal: str) -> Field:
    return replace(_field(column, decimal), missing=True, read=False)


def _field(column: Column, decimal: str) -> Field:
    low, high = _bounds(column)
    words = sorted(column.missing_words) if column.spelled and column.missing else []
    numeric = sorted(numbers(column, decimal)) if column.type in NUMERIC else []
    moments = sorted(times(column)) if column.type in TEMPORAL else []
    return Field(
        column.type,
        bool(column.missing),
        True,
        column.description,
        low,
        high,
        column.max_chars if column.type in WORDS and not column.categories else None,
        column.categories,
        column.normalize if column.type in WORDS else (),
        column.time_zone if column.type == "datetime" else None,
        (*words, *numeric, *(moment.isoformat() for moment in moments)),
        column.spelled,
    )


def _bounds(column: Column) -> tuple[float | str | None, float | str | None]:
    if column.type in NUMERIC:
        return limits(column)
    if column.type in TEMPORAL:
        low, high = time_limits(column)
        return low.isoformat(), high.isoformat()
    return None, None
