"""How predictions must behave: directions, columns that do not matter, and gaps between groups, as statements."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..common.document import Section
from .column import Column

ORDERED, GROUPED = ("number", "integer", "boolean"), ("boolean", "category")  # types of columns
METRICS = {  # of groups, by task
    "binary": (
        *("recall", "precision", "selection_rate", "false_positive_rate", "accuracy", "f1", "roc_auc"),
        *("average_precision", "log_loss", "brier", "calibration_error"),
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss"),
    "regression": ("mae", "rmse", "median_error", "mean_error", "r2"),
}


class Gap(Section):
    """The largest difference of a metric between any two groups of test rows."""

    by: str = Field(description="A boolean, or a category, whose values are the groups; it may be an ignored column.")
    metric: str = Field(
        description="Binary: `recall`, `precision`, `selection_rate` (the share of rows predicted as positive), "
        "`false_positive_rate`, `accuracy`, `f1`, `roc_auc`, `average_precision`, `log_loss`, `brier`, "
        "`calibration_error`; several classes: `accuracy`, `balanced_accuracy`, `f1_macro`, `log_loss`; numbers: "
        "`mae`, `rmse`, `median_error`, `mean_error`, `r2`."
    )
    at_most: float = Field(gt=0, description="Largest accepted difference, beyond noise.")

    def __str__(self) -> str:
        """Return the statement in words."""
        return f"{self.metric} by {self.by} at most {self.at_most:g}"


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict | Gap) else value


class Behaviour(Section):
    """Statements on predictions, each checked by the gate `behaviour` of the review, and enforced where possible."""

    increases_with: tuple[str, ...] = Field(
        (),
        description="Numbers, integers or booleans: the predicted number, or the probability of the positive class, "
        "never falls when one of them rises and all else is the same. Trees of scikit-learn, LightGBM, XGBoost and "
        "CatBoost are trained so.",
    )
    decreases_with: tuple[str, ...] = Field((), description="The same where the prediction never rises.")
    unchanged_by: tuple[str, ...] = Field(
        (), description="Columns whose value does not change the prediction: only functions in features.py read them."
    )
    min_share: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Smallest share of the checked rows for which a statement above must hold."
    )
    max_gap: Annotated[tuple[Gap, ...], BeforeValidator(_listed, json_schema_input_type=Gap | list[Gap])] = Field(
        (), description="Largest gaps between groups of rows, one or a list of them."
    )

    @property
    def directions(self) -> dict[str, int]:
        """The columns with a direction: 1 where the prediction rises with them, -1 where it falls."""
        return dict.fromkeys(self.increases_with, 1) | dict.fromkeys(self.decreases_with, -1)

    @property
    def stated(self) -> bool:
        """Whether there is a statement."""
        return bool(self.directions or self.unchanged_by or self.max_gap)


def check_behaviour(
    behaviour: Behaviour, task: str, target: str, columns: Mapping[str, Column], inputs: Mapping[str, Column]
) -> None:
    """Raise ValueError, which starts with the setting, for a statement that the columns or the task do not allow."""
    named: dict[str, str] = {}
    for setting in ("increases_with", "decreases_with", "unchanged_by"):
        for name in getattr(behaviour, setting):
            place = f"behaviour.{setting}: "
            _check_input(place, name, target, columns, inputs)
            if name in named:
                raise ValueError(f"{place}{name!r} is in behaviour.{named[name]} too: name a column once")
            named[name] = setting
            if setting != "unchanged_by":
                _check_direction(place, name, columns[name], task)
    for gap in behaviour.max_gap:
        _check_gap(gap, task, target, columns)


def _check_input(
    place: str, name: str, target: str, columns: Mapping[str, Column], inputs: Mapping[str, Column]
) -> None:
    _check_column(place, name, target, columns)
    if name not in inputs:
        raise ValueError(
            f"{place}the model does not read {name!r} (a key, the group, part of another column, or ignored): name an "
            f"input: {', '.join(inputs)}"
        )


def _check_column(place: str, name: str, target: str, columns: Mapping[str, Column]) -> None:
    if name == target:
        raise ValueError(f"{place}{name!r} is the target: name another column")
    if name not in columns:
        raise ValueError(f"{place}no column {name!r}; the columns are {', '.join(columns)}")


def _check_direction(place: str, name: str, column: Column, task: str) -> None:
    if task == "multiclass":
        raise ValueError(f"{place}a multiclass prediction has no direction: only binary and regression models have")
    if column.type not in ORDERED:
        hint = "the model reads parts of it" if column.type in ("date", "datetime") else "its values have no order"
        raise ValueError(f"{place}{name!r} has type {column.type}, and {hint}: name a number, an integer or a boolean")


def _check_gap(gap: Gap, task: str, target: str, columns: Mapping[str, Column]) -> None:
    place = "behaviour.max_gap: "
    _check_column(f"{place}by: ", gap.by, target, columns)
    if columns[gap.by].type not in GROUPED:
        raise ValueError(
            f"{place}by: {gap.by!r} has type {columns[gap.by].type}, which has no groups: name a category or a boolean"
        )
    if gap.metric not in METRICS[task]:
        raise ValueError(f"{place}metric: task {task} has no {gap.metric!r}: choose one of {', '.join(METRICS[task])}")


def differences(old: Behaviour, new: Behaviour) -> Iterator[tuple[str, str, str]]:
    """Yield each setting that differs, and its value before and after, in words."""
    for setting in Behaviour.model_fields:
        before, after = (_words(getattr(behaviour, setting)) for behaviour in (old, new))
        if before != after:
            yield f"behaviour.{setting}", before, after


def _words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "; ".join(map(str, value)) or "none"
