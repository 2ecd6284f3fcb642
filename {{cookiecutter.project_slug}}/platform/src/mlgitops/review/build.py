"""Builds the report: measures candidate and champion on the same rows, and lets the gates decide."""

from dataclasses import dataclass

import pandas as pd

from ..common import project
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..data.validation_report import ValidationReport
from ..model import metrics
from ..model.export import Parity
from ..model.scorer import Scorer, digest
from . import changes, compare, doubts, gates, groups, phrases
from .compare import Predictions
from .latency import latency
from .performance import Performance
from .report import Evidence, Limits, ModelFacts, Report, Source


@dataclass(frozen=True)
class Model:
    """A loaded model, and where it comes from."""

    scorer: Scorer
    source: Source


def build(
    candidate: Model,
    champion: Model | None,
    rows: pd.DataFrame,
    params: Params,
    validation: ValidationReport | None,
    rows_sha256: str | None = None,
) -> Report:
    """Return the report on *candidate* and *champion* on typed *rows*, whose file has that digest.

    Everything but the latency is the same at each call.
    """
    evidence = measure(candidate, champion, rows, params, validation, rows_sha256)
    results = gates.evaluate(evidence, params.review.gates)
    refused = tuple(gate.name for gate in results if gate.passed is False)
    unproven = doubts.unproven(evidence, params.review.gates)
    return Report(
        accepted=not refused,
        verdict=phrases.verdict(refused, unproven),
        outcome=phrases.outcome(evidence),
        model_sha256=evidence.candidate.model_sha256,
        refused_by=refused,
        gates=results,
        evidence=evidence,
        unproven=unproven,
    )


def measure(
    candidate: Model,
    champion: Model | None,
    rows: pd.DataFrame,
    params: Params,
    validation: ValidationReport | None,
    rows_sha256: str | None,
) -> Evidence:
    """Return what the gates decide on; without a comparison where the champion cannot read the rows."""
    contract = candidate.scorer.contract
    reasons = changes.incompatibilities(champion.scorer.contract, contract) if champion else ()
    before = (champion or candidate).scorer
    milliseconds = latency([model.scorer for model in (candidate, champion) if model])
    return Evidence(
        project=project.name(),
        task=contract.task,
        target=contract.target,
        metric=metrics.PRIMARY[contract.task],
        rows=len(rows),
        rows_sha256=rows_sha256,
        candidate=_facts(candidate, milliseconds[0]),
        champion=_facts(champion, milliseconds[1]) if champion else None,
        incompatible=reasons,
        notes=_notes(candidate, champion, reasons, rows_sha256),
        performance=_performance(candidate, None if reasons else champion, rows, params),
        params=changes.of_params(before, candidate.scorer),
        contract=changes.of_contract(before.contract, contract),
        validation=validation,
        limits=_limits(contract, params),
        leaks=doubts.leaks(candidate.scorer),
        class_rows=doubts.class_rows(contract, rows),
    )


def _performance(candidate: Model, champion: Model | None, rows: pd.DataFrame, params: Params) -> Performance:
    contract = candidate.scorer.contract
    truth, new = frame.target(rows, contract), _predictions(candidate, rows)
    old = _predictions(champion, rows) if champion else None
    return Performance(
        metrics=compare.metric_scores(contract, truth, new, old, params.review),
        movement=compare.movement(contract, truth, new, old) if old else None,
        slices=groups.by_slice(rows, contract, new, old, params),
        classes=groups.by_class(contract, truth, new, old),
        curves=compare.by_curve(contract, truth, new, old),
    )


def _predictions(model: Model, rows: pd.DataFrame) -> Predictions:
    columns = frame.columns(rows, model.scorer.contract)
    return Predictions(model.scorer.predict(columns), model.scorer.threshold)


def _limits(contract: Contract, params: Params) -> Limits:
    export, limits = params.export, params.review.gates
    tolerance = export.probability_tolerance if contract.classes else export.number_tolerance
    return Limits(limits.max_drop, limits.min_slice_score, tolerance)


def _facts(model: Model, latency_ms: float) -> ModelFacts:
    """Return what the manifest of an exported model says of it, and what is measured of its file."""
    manifest, path = model.scorer.manifest, model.scorer.folder / "model.onnx"
    parity = manifest.get("parity")
    return ModelFacts(
        source=model.source,
        model_sha256=digest(path),
        contract_sha256=manifest.get("contract_sha256"),
        pipeline_sha256=manifest.get("pipeline_sha256"),
        test_sha256=manifest.get("test_sha256"),
        threshold=model.scorer.threshold,
        packages=manifest.get("packages") or {},
        parity=Parity(**parity) if parity else None,
        size_bytes=path.stat().st_size,
        latency_ms=latency_ms,
    )


def _notes(
    candidate: Model, champion: Model | None, reasons: tuple[str, ...], rows_sha256: str | None
) -> tuple[str, ...]:
    """Return what a reader must know to interpret the comparison."""
    notes = []
    if _other_rows(candidate, rows_sha256):
        notes.append("These are not the test rows that the candidate was exported with.")
    if reasons:
        notes.append(f"The champion cannot be evaluated on these rows: {'; '.join(reasons)}.")
    elif champion and _other_rows(champion, rows_sha256):
        notes.append("The champion was trained with another split: some of these rows may be in its training data.")
    return tuple(notes)


def _other_rows(model: Model, rows_sha256: str | None) -> bool:
    return rows_sha256 is not None and model.scorer.manifest.get("test_sha256") not in (None, rows_sha256)
