"""All that there is to say of a candidate against the champion, and whether it may take its place."""

import math
from dataclasses import asdict
from typing import Any

import pandas as pd

from ..common import project
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import metrics
from ..model.scorer import Scorer, digest
from . import changes, compare, groups
from .compare import Answers
from .gates import judge
from .latency import latency

Model = tuple[Scorer, dict[str, Any]]  # and where it comes from


def review(
    candidate: Model, best: Model | None, rows: pd.DataFrame, params: Params, validation: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what there is to say of *candidate* against *best* on typed *rows*, and the verdict, in JSON values.

    *validation* is what validate found. Everything but the latency is the same at each call.
    """
    contract, old_contract = candidate[0].contract, best[0].contract if best else None
    reasons = changes.unreadable(old_contract, contract) if old_contract else []
    taken = latency([scorer for scorer, _ in (candidate, *([best] if best else []))])
    found: dict[str, Any] = {
        "project": project.name(),
        "task": contract.task,
        "target": contract.target,
        "metric": metrics.PRIMARY[contract.task],
        "rows": len(rows),
        "candidate": {"name": "candidate", **_describe(*candidate), "latency_ms": taken[0]},
        "champion": {**_describe(*best), "latency_ms": taken[1]} if best else None,
        "unreadable": reasons,
        "notes": _notes(candidate, best, reasons),
        **_compared(candidate, None if reasons else best, rows, params),
        **_changed(best or candidate, candidate),
        "validation": validation,
        **_wanted(contract, params),
    }
    found = _plain(found)
    decided = judge(found, params.review.gates)
    refused = [gate.name for gate in decided if gate.passed is False]
    return {"accepted": not refused, "refused_by": refused, "gates": list(map(asdict, decided)), **found}


def _compared(candidate: Model, best: Model | None, rows: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Return what follows from the answers: of the candidate alone, where the champion cannot be judged."""
    contract = candidate[0].contract
    truth, new = frame.target(rows, contract), _answers(candidate, rows)
    old = _answers(best, rows) if best else None
    return {
        "metrics": compare.scores(contract, truth, new, old, params.review),
        "movement": compare.movement(contract, truth, new, old) if old else None,
        "slices": groups.by_slice(rows, contract, new, old, params),
        "classes": groups.by_class(contract, truth, new, old),
        "curves": compare.by_curve(contract, truth, new, old),
    }


def _changed(before: Model, after: Model) -> dict[str, Any]:
    """Return what differs between what two models were made with: settings, where both tell them, and contracts."""
    params = [scorer.manifest.get("params", {}) for scorer, _ in (before, after)]
    old, new = (scorer.contract.model_dump(mode="json") for scorer, _ in (before, after))
    return {"params": changes.difference(*params) if all(params) else None, "contract": changes.difference(old, new)}


def _wanted(contract: Contract, params: Params) -> dict[str, float | None]:
    """Return what params.yaml asks for that the gates and the pages show beside what was measured."""
    gates, export = params.review.gates, params.export
    tolerance = export.probability_tolerance if contract.classes else export.number_tolerance
    return {"margin": gates.max_drop, "slice_floor": gates.min_slice_score, "parity_tolerance": tolerance}


def _answers(model: Model, rows: pd.DataFrame) -> Answers:
    scorer = model[0]
    return Answers(scorer.predict(frame.columns(rows, scorer.contract)), scorer.threshold)


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


def _plain(value: Any) -> Any:
    """Return *value* with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
