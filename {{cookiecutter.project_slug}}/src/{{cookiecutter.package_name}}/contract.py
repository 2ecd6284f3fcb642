"""The data contract: what contract.yaml declares, and the features that follow from it.

Everything that must agree about the data is derived from a Contract: the Great Expectations suite (validate), the
preprocessing (estimator), the inputs of the ONNX model (rows), the request model and its JSON schema (schema), and the
MLflow signature (tracking).
"""

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .column import MISSING, Column, Part
from .config import Document

Task = Literal["binary", "multiclass", "regression"]


def _input_name(name: str, taken: Container[str]) -> str:
    """Return *name* as ONNX allows it: ASCII letters, digits and underscores, a letter first, none of *taken*."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    plain = plain if plain[0].isalpha() else f"x{plain}"
    return next(free for n in count(1) if (free := plain if n == 1 else f"{plain}_{n}") not in taken)


@dataclass(frozen=True)
class Feature:
    """One input of the model: a column as it is, or one part of a date."""

    name: str
    column: str
    kind: Literal["number", "category"]
    part: Part | None = None
    levels: tuple[str, ...] | None = None


class Contract(Document):
    """What contract.yaml says: the task, and every column of the table."""

    task: Task = Field(description="What is predicted: one of two classes, one of several, or a number.")
    target: str = Field(description="The column that is predicted; of two classes the last value is the positive one.")
    key: tuple[str, ...] = Field(
        (), description="The columns that identify a row: unique, used to split; of these the model sees only the time."
    )
    time: str | None = Field(None, description="When a row happened: the newest rows become the test part.")
    rows: Annotated[int, Field(ge=1)] = Field(100, description="The table has at least so many rows.")
    decimal: Literal[".", ","] = Field(".", description="The mark before the decimals of numbers that come as text.")
    columns: dict[str, Column] = Field(min_length=2, description="Every column of the table, by name.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for role, names in (("target", (self.target,)), ("key", self.key), ("time", (self.time,) if self.time else ())):
            for name in names:
                if name not in self.columns:
                    raise ValueError(f"{role}: no column {name!r}; there are {', '.join(self.columns)}")
        target = self.columns[self.target]
        allowed = {"binary": ("boolean", "category"), "multiclass": ("category",), "regression": ("number", "integer")}[
            self.task
        ]
        if target.type not in allowed:
            raise ValueError(
                f"target {self.target!r} is a {target.type}; task {self.task} needs {' or '.join(allowed)}"
            )
        if target.type == "category" and len(target.values or ()) != 2 and self.task == "binary":
            raise ValueError(f"target {self.target!r}: a binary task needs exactly two values, the positive one last")
        if self.task == "multiclass" and len(target.values or ()) < 3:
            raise ValueError(f"target {self.target!r}: a multiclass task needs three values or more")
        if self.target in (*self.key, self.time) or target.ignore:
            raise ValueError(f"target {self.target!r} is also key, time or ignored")
        if self.time and self.columns[self.time].type not in ("datetime", "date"):
            raise ValueError(f"time: column {self.time!r} is a {self.columns[self.time].type}, not a datetime or date")
        for name, column in self.columns.items():
            if column.type == "text" and name not in self.key and not column.ignore:
                raise ValueError(f"column {name!r}: text is only for keys; say why in ignore, or make it a category")
        if not self.features:
            raise ValueError("no column is left for the model to learn from")
        return self

    @cached_property
    def inputs(self) -> dict[str, Column]:
        """The columns that the model reads, which are the fields of a request."""
        left_out = {self.target, *self.key} - {self.time}
        return {name: column for name, column in self.columns.items() if name not in left_out and not column.ignore}

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The inputs of the model, in order: the single list that training, ONNX and scoring share."""
        found: list[Feature] = []
        for name, column in self.inputs.items():
            if column.type in ("datetime", "date"):
                found += [Feature(f"{name}_{part}", name, "number", part) for part in self._parts(name)]
            elif column.type == "category":
                levels = (*column.values, *([MISSING] if column.missing else [])) if column.values else None
                found.append(Feature(name, name, "category", levels=levels))
            else:
                found.append(Feature(name, name, "number"))
        names: dict[str, Feature] = {}
        for feature in found:
            names[_input_name(feature.name, names)] = feature
        return tuple(replace(feature, name=name) for name, feature in names.items())

    def _parts(self, name: str) -> tuple[Part, ...]:
        """What the model sees of a time: of the time that orders the rows, nothing that only grows."""
        column = self.columns[name]
        parts: tuple[Part, ...] = column.parts or (
            ("weekday",) if name == self.time else ("days", "month", "day", "weekday")
        )
        return parts if column.parts or column.type == "date" else (*parts, "hour")

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of the model's outputs; the last of two is the positive one. Empty for regression."""
        if self.task == "regression":
            return ()
        return self.columns[self.target].values or ("false", "true")

    @cached_property
    def prediction(self) -> Literal["boolean", "string", "number"]:
        """What a prediction is, as JSON calls it."""
        if self.task == "regression":
            return "number"
        return "boolean" if self.columns[self.target].type == "boolean" else "string"

    @property
    def slices(self) -> tuple[str, ...]:
        """The columns along which results are reported: closed categories and booleans."""
        return tuple(name for name, column in self.inputs.items() if column.values or column.type == "boolean")
