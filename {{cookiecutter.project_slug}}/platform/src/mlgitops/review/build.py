"""Builds the report: measures candidate and champion on the same rows, and lets the gates decide."""

import pandas as pd

from ..common import project
from ..contract.contract import Contract
from ..contract.params import Params
from ..data.validation_report import ValidationReport
from ..model import metrics
from . import behaviour, changes, doubts, gates, phrases, recent
from .facts import facts, gives_reasons, importances, notes
from .inputs import EMPTY, Context, Model
from .latency import latency
from .measure import drop, intervals, performance, predictions
from .report import Evidence, Limits, Report


def build(
    candidate: Model,
    champion: Model | None,
    rows: pd.DataFrame,
    params: Params,
    validation: ValidationReport | None,
    rows_sha256: str | None = None,
    context: Context = EMPTY,
) -> Report:
    """Return the report on *candidate* and *champion* on typed *rows*, whose file has that digest.

    Everything but the latency is the same at each call.
    """
    evidence = measure(candidate, champion, rows, params, validation, rows_sha256, context)
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
    context: Context,
) -> Evidence:
    """Return what the gates decide on; without a comparison where the champion cannot read the rows."""
    contract = candidate.scorer.contract
    reasons = changes.incompatibilities(champion.scorer.contract, contract) if champion else ()
    before, opponent = (champion or candidate).scorer, None if reasons else champion
    milliseconds = latency([model.scorer for model in (candidate, champion) if model])
    measured = performance(candidate, opponent, rows, params)
    return Evidence(
        project=project.name(),
        task=contract.task,
        target=contract.target,
        metric=metrics.name(contract),
        rows=len(rows),
        rows_sha256=rows_sha256,
        candidate=facts(candidate, milliseconds[0]),
        champion=facts(champion, milliseconds[1]) if champion else None,
        incompatible=reasons,
        notes=notes(candidate, champion, reasons, rows_sha256, context.learned),
        performance=measured,
        drop=drop(candidate, opponent, measured.metrics[0], len(rows), context.unseen, params),
        data=context.data,
        drift=context.drift,
        importances=importances(candidate, champion),
        reasons=gives_reasons(candidate),
        params=changes.of_params(before, candidate.scorer),
        contract=changes.of_contract(before.contract, contract),
        validation=validation,
        limits=_limits(contract, params),
        leaks=doubts.leaks(candidate.scorer),
        class_rows=doubts.class_rows(contract, rows),
        recent=recent.compare(candidate, opponent, context.recent, params),
        behaviour=behaviour.statements(candidate.scorer, rows, predictions(candidate, rows), params),
        intervals=intervals(candidate, opponent, rows),
    )


def _limits(contract: Contract, params: Params) -> Limits:
    export, limits = params.export, params.review.gates
    tolerance = export.probability_tolerance if contract.classes else export.number_tolerance
    return Limits(limits.max_drop, limits.min_slice_score, tolerance)
