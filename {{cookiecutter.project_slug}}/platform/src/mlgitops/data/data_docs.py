"""Writes Data Docs: what Great Expectations found, as one page that loads nothing: it shows values of the data."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaComponentView
from great_expectations.validator.validator import calc_validation_statistics

TABLE = "Table-Level Expectations"  # as Great Expectations calls those of no column


def write(results: list[Any], docs: Path) -> None:
    """Write to the folder *docs* what the expectations found, as if one run had tried them all."""
    for result in results:
        result.result = _shown(result.result)
    numbers = calc_validation_statistics(results)
    whole = ExpectationSuiteValidationResult(numbers.success, results, "contract", statistics=numbers._asdict())
    failed = {result.expectation_config.kwargs.get("column", TABLE) for result in results if not result.success}
    _, *sections = ValidationResultsPageRenderer().render(whole).sections  # the first repeats the numbers
    kinds = [(section, "refused" if section.section_name in failed else "accepted") for section in sections]
    links = [
        f'<li class="{kind}"><a href="#part-{at}">{escape(section.section_name)}</a></li>'
        for at, (section, kind) in enumerate(kinds)
    ]
    page = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8")).substitute(
        title=f"The data {'keeps' if numbers.success else 'breaks'} its contract",
        kind="accepted" if numbers.success else "refused",
        kept=numbers.successful_expectations,
        count=numbers.evaluated_expectations,
        version=gx.__version__,
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        links="".join(links),
        parts="".join(_part(at, section, kind) for at, (section, kind) in enumerate(kinds)),
    )
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "index.html").write_text(page, encoding="utf-8", newline="\n")


def _shown(value: Any) -> Any:
    """Return what the templates of Great Expectations can show: they take text for HTML, and NA has no truth."""
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return escape(value) if isinstance(value, str) else None if value is pd.NA else value


def _part(at: int, section: Any, kind: str) -> str:
    heading = f"<h2>{escape(section.section_name)}</h2>"
    return f'<section id="part-{at}" class="{kind}">{heading}{"".join(_tables(at, section))}</section>'


def _tables(at: int, section: Any) -> Iterator[str]:
    view: Any = DefaultJinjaComponentView()
    _, *blocks = section.to_json_dict()["content_blocks"]  # the first is a heading
    for number, block in enumerate(blocks):
        places = {"section_loop": {"index": at}, "content_block_loop": {"index": number}}  # its ids are made of
        yield view.render({"content_block": block, **places})
