"""The data contract: the columns of contract.yaml, and the features derived from them and from features.py.

Everything that must agree about the data is derived from a Contract: the Great Expectations suite (data.validate), the
preprocessing (model.estimators), the inputs of the ONNX model (data.encode), the request model and its JSON schema
(row_schema), and the MLflow signature (model.tracking).
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from ..common import project
from ..common.document import Document
from ..common.errors import ProjectError
from .behaviour import Behaviour, check_behaviour
from .binding import check, check_joins
from .column import Column
from .features import Function, load
from .metric import check_metric
from .model_inputs import Feature, column_features

Task = Literal["binary", "multiclass", "regression"]


class Contract(Document):
    """Declares the data: the task, and every column of the table."""

    task: Task = Field(description="What the model predicts: one of two classes, one of several, or a number.")
    target: str = Field(
        description="The column to predict. In a binary task, the last of its two values is the positive class."
    )
    metric: str | None = Field(
        None,
        description="The primary metric, which gates, folds and alarms use. Binary: `roc_auc` (the default), "
        "`average_precision`, `recall_at_precision_0.9`, `lift_at_0.1` (or another level); several classes: `f1_macro` "
        "(the default), `balanced_accuracy`, `accuracy`; numbers: `r2`.",
    )
    interval: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Coverage of the interval that each predicted number gets, such as 0.9: `low` and `high` in the "
        "answers contain the actual number of that share of rows. Regression only.",
    )
    key: tuple[str, ...] = Field(
        (), description="Columns that identify a row. They are unique and never features, except for the column `time`."
    )
    time: str | None = Field(
        None, description="The column with the time of a row: the newest rows become the test part."
    )
    group: str | None = Field(
        None, description="A column, never a feature: rows with the same value are in the same part and fold."
    )
    acknowledged_leaks: tuple[str, ...] = Field(
        (),
        description="Columns that almost determine the target, and are known when a prediction is made all the same.",
    )
    behaviour: Behaviour = Field(Behaviour(), description="Statements on how predictions behave.")
    min_rows: Annotated[int, Field(ge=1)] = Field(100, description="Smallest number of rows in the table.")
    decimal: Literal[".", ","] = Field(".", description="Decimal separator of numbers that arrive as strings.")
    columns: dict[str, Column] = Field(min_length=2, description="Every column of the table, by name.")
    _functions: tuple[Function, ...] = PrivateAttr(())

    @classmethod
    def with_features(cls, path: Path, features: Path) -> Self:
        """Read a contract and the functions of features.py, if that file exists; raises ProjectError."""
        contract = cls.load(path)
        return contract.bound(load(features)) if features.is_file() else contract

    @classmethod
    def of_project(cls) -> Self:
        """Read contract.yaml and the project's features.py; raises ProjectError."""
        return cls.with_features(Path("contract.yaml"), project.file(project.FEATURES))

    def bound(self, functions: tuple[Function, ...]) -> Self:
        """Return a copy with the features of *functions*; raises ProjectError if one does not fit the contract."""
        taken = {*self.columns, *(feature.name for feature in self.features if not feature.function)}
        for function in functions:
            check(function, self.inputs, self._others(), taken)
        copy = self.model_copy()
        copy.__dict__.pop("features", None)  # model_copy() copies the cached property too
        copy._functions = functions
        if not copy.features:
            raise ProjectError("no features: every input has feature: false, and features.py defines no function")
        return copy

    def _others(self) -> dict[str, str]:
        """Return the columns that functions cannot read, each with the reason."""
        left_out = {name: column for name, column in self.columns.items() if name not in self.inputs}
        reasons = {name: f"is ignored ({column.ignore})" for name, column in left_out.items()}
        reasons |= dict.fromkeys(self.key, "is a key, which the model does not read")
        reasons |= {self.group: "is the group, which the model does not read"} if self.group else {}
        return {name: reason for name, reason in reasons.items() if name in left_out} | {self.target: "is the target"}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        roles = {"target": self.target, "time": self.time, "group": self.group}
        named = {role: (name,) for role, name in roles.items() if name} | {"key": self.key}
        for role, names in (named | {"acknowledged_leaks": self.acknowledged_leaks}).items():
            for name in names:
                if name not in self.columns:
                    raise ValueError(f"{role}: no column {name!r}; the columns are {', '.join(self.columns)}")
        target = self.columns[self.target]
        allowed = {"binary": ("boolean", "category"), "multiclass": ("category",), "regression": ("number", "integer")}[
            self.task
        ]
        if target.type not in allowed:
            raise ValueError(
                f"target {self.target!r} has type {target.type}; task {self.task} needs {' or '.join(allowed)}"
            )
        if target.type == "category" and len(target.categories or ()) != 2 and self.task == "binary":
            raise ValueError(
                f"target {self.target!r}: a binary task needs exactly two categories, the positive one last"
            )
        if self.task == "multiclass" and len(target.categories or ()) < 3:
            raise ValueError(f"target {self.target!r}: a multiclass task needs at least three categories")
        if self.target in (*self.key, self.time, self.group) or target.ignore:
            raise ValueError(f"target {self.target!r} cannot also be a key, the time, the group, or ignored")
        if self.group and self.group == self.time:
            raise ValueError(f"group: {self.group!r} is the time; a group is what several rows belong to")
        if self.time and self.columns[self.time].type not in ("datetime", "date"):
            raise ValueError(f"time: {self.time!r} has type {self.columns[self.time].type}, not datetime or date")
        for name, column in self.columns.items():
            used = name not in (*self.key, self.group) and not column.ignore and column.feature
            if column.type == "text" and used and not column.words:
                raise ValueError(
                    f"column {name!r}: text cannot be a feature as it is: set words: 200 to use its words, make it a "
                    "category, give a reason in ignore, or set feature: false if a function in features.py reads it"
                )
        check_metric(self.metric, self.task)
        if self.interval and self.task != "regression":
            raise ValueError(f"interval: task {self.task} predicts no number, so that there is no interval of it")
        check_joins(self.columns, (self.target, *self.key))
        check_behaviour(self.behaviour, self.task, self.target, self.columns, self.inputs)
        if not self.inputs:
            raise ValueError("no input is left: every column is the target, a key or ignored")
        return self

    @property
    def delivered(self) -> tuple[str, ...]:
        """The columns of the table: all but those that join others."""
        return tuple(name for name, column in self.columns.items() if not column.join)

    @cached_property
    def inputs(self) -> dict[str, Column]:
        """The columns that the model reads, which are the fields of a request."""
        left_out = {self.target, self.group, *self.key} - {self.time}
        left_out |= {name for name, column in self.columns.items() if column.join or column.ignore}
        return {name: column for name, column in self.columns.items() if name not in left_out}

    @cached_property
    def request_keys(self) -> dict[str, Column]:
        """The key columns that a request may contain beside the inputs; they only identify the row."""
        return {name: self.columns[name] for name in self.key if name not in self.inputs}

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The inputs of the model, in order; training, ONNX and scoring share this list."""
        computed = [Feature(f.name, ", ".join(f.columns), f.kind, function=f) for f in self._functions]
        direct = {name: c for name, c in self.inputs.items() if name not in self.behaviour.unchanged_by}
        return (*column_features(direct, self.time), *computed)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of the model's outputs; the last of two is the positive one. Empty for regression."""
        if self.task == "regression":
            return ()
        return self.columns[self.target].categories or ("false", "true")

    @cached_property
    def prediction(self) -> Literal["boolean", "string", "number"]:
        """The JSON type of a prediction."""
        if self.task == "regression":
            return "number"
        return "boolean" if self.columns[self.target].type == "boolean" else "string"

    @property
    def ends(self) -> tuple[str, ...]:
        """The names of both ends of the interval in an answer; empty without one."""
        return ("low", "high") if self.interval else ()

    @property
    def slices(self) -> tuple[str, ...]:
        """The columns by which results are reported: booleans, and categories with a list of values."""
        return tuple(name for name, column in self.inputs.items() if column.categories or column.type == "boolean")
