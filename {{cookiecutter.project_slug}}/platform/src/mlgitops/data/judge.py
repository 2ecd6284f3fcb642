"""Lets Great Expectations judge what was counted of a table, in place of the table."""

from collections.abc import Sequence
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.execution_engine import PandasExecutionEngine

from .column_counts import SHOWN_ROWS, ColumnCounts, Unexpected

RESULT_FORMAT: Any = {"result_format": "BASIC", "partial_unexpected_count": SHOWN_ROWS}
KINDS = {  # metrics of Great Expectations -> kinds of violations
    "column_values.in_type_list": "type",
    "column_values.nonnull": "missing",
    "column_values.in_set": "category",
    "column_values.value_length.between": "length",
    "column_values.between": "range",
}
UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")


class Judge:
    """Evaluates the expectations of a table, or of those of its columns that were counted."""

    def __init__(
        self, rows: int, columns: Sequence[str], counted: dict[str, ColumnCounts], unique: Unexpected | None
    ) -> None:
        """Judge the columns *counted* of a table with these *columns*; *unique* has the rows that are not."""
        self._rows, self._columns, self._counted, self._unique = rows, list(columns), counted, unique
        self._engine = PandasExecutionEngine()
        empty = {name: pd.Series(dtype=counts.dtype) for name, counts in counted.items()}
        self._engine.load_batch_data("table", pd.DataFrame(empty))

    def cannot_compare(self, expectation: gxe.Expectation) -> bool:
        """Return whether the values of a column have several types, and the expectation compares them."""
        compares = expectation.expectation_type == "expect_column_values_to_be_between"
        return compares and any(counts.dtype == object for counts in self._counted.values())

    def result(self, expectation: gxe.Expectation) -> tuple[ExpectationValidationResult, Unexpected | None]:
        """Return the result of an expectation, and the rows that are not as it expects."""
        settings = {"result_format": RESULT_FORMAT}
        asked = expectation.get_validation_dependencies(self._engine, dict(settings)).get_metric_configurations()
        with pd.option_context("mode.string_storage", "pyarrow"):  # the type of strings that the expectations name
            metrics = {metric.id: self._metric(metric) for metric in asked}
            result = expectation.metrics_validate(metrics, dict(settings), self._engine)
        listed = [metric.metric_name for metric in asked if metric.metric_name.endswith(".unexpected_values")]
        return result, self._unexpected(listed[0]) if listed else None

    def _metric(self, metric: Any) -> Any:
        name = metric.metric_name
        if name == "table.row_count":
            return self._rows
        if name == "table.columns":
            return self._columns
        if name == "table.column_types":
            return self._engine.resolve_metrics([metric])[metric.id]
        if name.endswith(".filtered_row_count"):
            return self._rows
        if name.endswith((".unexpected_count", ".unexpected_values")):
            unexpected = self._unexpected(name)
            return unexpected.count if name.endswith("count") else unexpected.values
        return self._missing_classes(metric)

    def _unexpected(self, name: str) -> Unexpected:
        kind = KINDS.get(name.rpartition(".")[0])
        if kind is None:
            return self._unique or Unexpected()
        (counts,) = self._counted.values()
        return counts.unexpected[kind]

    def _missing_classes(self, metric: Any) -> Any:
        (counts,) = self._counted.values()
        missing = [value for value in metric.metric_value_kwargs["value_set"] if value not in counts.classes]
        return len(missing) if metric.metric_name.endswith(".count") else missing
