"""Compares the exported model with the champion on the same rows, and decides whether it may take its place."""

import json
import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from .. import files, metrics, table, tracking
from ..config import ProjectError
from ..contract import Contract
from ..origin import PROJECT
from ..scorer import Scorer, digest
from ..settings import Params
from . import champion, changes, compare, groups, html_page, markdown_page
from .compare import Answers
from .gates import judge
from .latency import latency

WRITTEN = ("review.json", "review.md", "review.html")
Model = tuple[Scorer, dict[str, Any]]  # and where it comes from


class NoReviewError(ProjectError):
    """There could be no review, which is neither of its verdicts."""

    exit_code = 2


def review(
    candidate: Model, best: Model | None, rows: pd.DataFrame, params: Params, validation: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what there is to say of *candidate* against *best* on typed *rows*, and the verdict, in JSON values.

    *validation* is what validate found. Everything but the latency is the same at each call.
    """
    contract, old_contract = candidate[0].contract, best[0].contract if best else None
    reasons = changes.unreadable(old_contract, contract) if old_contract else []
    truth, new = table.target(rows, contract), _answers(candidate, rows)
    old = _answers(best, rows) if best and not reasons else None
    taken = latency([scorer for scorer, _ in (candidate, *([best] if best else []))])
    said = [model[0].manifest.get("params", {}) for model in (best or candidate, candidate)]
    found: dict[str, Any] = {
        "project": PROJECT,
        "task": contract.task,
        "target": contract.target,
        "metric": metrics.PRIMARY[contract.task],
        "rows": len(rows),
        "candidate": {"name": "candidate", **_describe(*candidate), "latency_ms": taken[0]},
        "champion": {**_describe(*best), "latency_ms": taken[1]} if best else None,
        "unreadable": reasons,
        "notes": _notes(candidate, best, reasons),
        "metrics": compare.scores(contract, truth, new, old, params.review),
        "movement": compare.movement(contract, truth, new, old) if old else None,
        "slices": groups.by_slice(rows, contract, new, old, params),
        "classes": groups.by_class(contract, truth, new, old),
        "curves": compare.by_curve(contract, truth, new, old),
        "params": changes.difference(*said) if all(said) else None,
        "contract": changes.difference(_declared(old_contract or contract), _declared(contract)),
        "validation": validation,
        "margin": params.review.gates.regression,
        "slice_floor": params.review.gates.slice_floor,
        "parity_tolerance": params.export.probability_tolerance if contract.classes else params.export.number_tolerance,
    }
    found = _plain(found)
    decided = judge(found, params.review.gates)
    refused = [gate.name for gate in decided if gate.passed is False]
    return {"accepted": not refused, "refused_by": refused, "gates": list(map(asdict, decided)), **found}


def _answers(model: Model, rows: pd.DataFrame) -> Answers:
    scorer = model[0]
    return Answers(scorer.predict(table.columns(rows, scorer.contract)), scorer.threshold)


def _describe(scorer: Scorer, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what an exported model says of itself, and what is known of it."""
    path = scorer.folder / "model.onnx"
    names = ("contract_sha256", "pipeline_sha256", "test_sha256", "threshold", "packages", "parity")
    said = {name: scorer.manifest.get(name) for name in names}
    return {**facts, **said, "model_sha256": digest(path), "size_bytes": path.stat().st_size}


def _notes(candidate: Model, best: Model | None, reasons: list[str]) -> list[str]:
    """Return what a reader must know to judge the comparison."""
    found, rows = [], candidate[1].get("rows_sha256")
    if rows and candidate[0].manifest.get("test_sha256") not in (None, rows):
        found.append("These are not the test rows that the candidate was exported with.")
    if reasons:
        found.append(f"The champion cannot be judged on these rows: {'; '.join(reasons)}.")
    elif best and rows and best[0].manifest.get("test_sha256") not in (None, rows):
        found.append("The champion was made with another test part: it may have learned from some of these rows.")
    return found


def _declared(contract: Contract) -> dict[str, Any]:
    return contract.model_dump(mode="json")


def _plain(value: Any) -> Any:
    """Return *value* with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run(folder: Path, test: Path, reports: Path, asked: str | None = None) -> dict[str, Any]:
    """Review the model in *folder*, write the pages to *reports*, and return the review; *asked* as `champion.find`."""
    for name in WRITTEN:  # a review that fails leaves none behind that could be taken for its own
        files.remove(reports / name)
    params, checked = Params.load(Path("params.yaml")), reports / "validation.json"
    candidate = Scorer(folder), {"commit": tracking.commit(), "rows_sha256": digest(test)}
    with tempfile.TemporaryDirectory() as scratch:
        found = champion.find(asked, folder, Path(scratch) / "model")
        best = (Scorer(found[0]), found[1]) if found else None
        said = files.read_json(checked) if checked.is_file() else None
        answer = review(candidate, best, pd.read_parquet(test), params, said)
    pages = [json.dumps(answer, indent=2, ensure_ascii=False), markdown_page.page(answer), html_page.page(answer)]
    for name, page in zip(WRITTEN, pages, strict=True):
        with files.replacing(reports / name) as new:
            new.write_text(page, encoding="utf-8")
    return answer


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("test", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("reports", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--champion",
    "asked",
    metavar="MODEL",
    help="What to compare with: a folder, git:REVISION, or a version or alias of the registry. Default: its champion.",
)
def main(folder: Path, test: Path, reports: Path, asked: str | None) -> None:
    """Compare the model in FOLDER with the champion on the rows of TEST, and write the review to REPORTS.

    The exit code is the verdict: 0 accepted, 1 refused; 2 where there could be no review.
    """
    try:
        answer = run(folder, test, reports, asked)
    except ProjectError as error:
        raise NoReviewError(error.message) from error
    click.echo(f"{markdown_page.summary(answer)}\nlook at {reports / 'review.html'}")
    click.get_current_context().exit(0 if answer["accepted"] else 1)
