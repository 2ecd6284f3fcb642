"""Writes Data Docs: what Great Expectations found, as pages to look at."""

from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.validator.validator import calc_validation_statistics


def write(context: Any, expected: list[Any], results: list[Any], docs: Path) -> None:
    """Write to the folder *docs* what the expectations found, as if one run had tried them all."""
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    context.variables.data_docs_sites = {}
    context.add_data_docs_site(
        "local", {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": store}
    )
    suite = context.suites.add(gx.ExpectationSuite(name="contract", expectations=expected))
    run, numbers = RunIdentifier(), calc_validation_statistics(results)
    meta: Any = {"run_id": run, "great_expectations_version": gx.__version__}
    whole = ExpectationSuiteValidationResult(
        numbers.success, results, suite.name, statistics=numbers._asdict(), meta=meta
    )
    key = ValidationResultIdentifier(ExpectationSuiteIdentifier(suite.name), run, "table-raw")
    context.validation_results_store.set(key, whole)
    context.build_data_docs()
