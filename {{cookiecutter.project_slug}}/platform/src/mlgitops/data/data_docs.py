"""Writes Data Docs: the results of Great Expectations as one page that loads nothing, since it shows values of data."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import great_expectations as gx
import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaComponentView
from great_expectations.validator.validator import calc_validation_statistics

from ..common import files
from ..common.html import render

TEMPLATE = "data/data_docs.html.j2"
TABLE = "Table-Level Expectations"  # the section of Great Expectations for those that are about no column


class Section(NamedTuple):
    """The results of one column."""

    name: str
    success: bool
    tables: list[str]  # HTML


def write(results: list[Any], docs: Path) -> None:
    """Write to the folder *docs* the results of all expectations, as if they were of one run."""
    for result in results:
        result.result = _showable(result.result)
    statistics = calc_validation_statistics(results)
    page = render(
        TEMPLATE,
        statistics=statistics,
        sections=_sections(results, statistics),
        version=gx.__version__,
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    files.write(docs / "index.html", page)


def _sections(results: list[Any], statistics: Any) -> list[Section]:
    whole = ExpectationSuiteValidationResult(statistics.success, results, "contract", statistics=statistics._asdict())
    failed = {result.expectation_config.kwargs.get("column", TABLE) for result in results if not result.success}
    _, *sections = ValidationResultsPageRenderer().render(whole).sections  # the first repeats the statistics
    return [
        Section(section.section_name, section.section_name not in failed, list(_tables(position, section)))
        for position, section in enumerate(sections)
    ]


def _showable(value: Any) -> Any:
    """Return what the templates of Great Expectations can show: they take text for HTML, and NA has no truth value."""
    if isinstance(value, dict):
        return {key: _showable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_showable(item) for item in value]
    return escape(value) if isinstance(value, str) else None if value is pd.NA else value


def _tables(position: int, section: Any) -> Iterator[str]:
    """Yield the tables of a section as Great Expectations renders them, from values that `_showable` has escaped."""
    view: Any = DefaultJinjaComponentView()
    _, *blocks = section.to_json_dict()["content_blocks"]  # the first is a heading
    for number, block in enumerate(blocks):
        places = {"section_loop": {"index": position}, "content_block_loop": {"index": number}}  # make its ids
        yield view.render({"content_block": block, **places})
