"""The gates: conditions of params.yaml that a model must meet to be accepted, with advice where it does not."""

from collections.abc import Iterator
from dataclasses import replace

from ..contract.params import Gates
from .performance import Drop, Score
from .phrases import interval, number, signed
from .report import Evidence, Gate


def evaluate(evidence: Evidence, limits: Gates) -> tuple[Gate, ...]:
    """Return the result of every gate on the *evidence*."""
    return tuple(_with_advice(gate, limits) for gate in _results(evidence, limits))


def _results(evidence: Evidence, limits: Gates) -> Iterator[Gate]:
    yield _min_score(evidence, limits.min_score or 0.0)
    yield _max_drop(evidence, limits.max_drop or 0.0)
    yield _max_recent_drop(evidence, limits.max_recent_drop or 0.0)
    yield _min_slice_score(evidence, limits.min_slice_score or 0.0)
    yield _validation(evidence)
    yield _leakage(evidence)
    yield _min_class_rows(evidence, limits.min_class_rows or 0)
    yield _behaviour(evidence)
    yield _parity(evidence)
    yield _max_latency_ms(evidence, limits.max_latency_ms or 0.0)
    yield _max_size_mb(evidence, limits.max_size_mb or 0.0)
    yield _min_test_rows(evidence, limits.min_test_rows or 0.0)
    yield _max_psi(evidence, limits.max_psi or 0.0)


def _with_advice(gate: Gate, limits: Gates) -> Gate:
    if getattr(limits, gate.name) is None:
        return Gate(gate.name, None, "not evaluated", f"switched off: review.gates.{gate.name} is null", "")
    advice = f"{gate.advice}, or change review.gates.{gate.name} in params.yaml (null switches it off)"
    return replace(gate, advice=advice if gate.passed is False else "")


def _min_score(evidence: Evidence, limit: float) -> Gate:
    value = evidence.primary.candidate
    return Gate(
        "min_score",
        value is not None and value >= limit,
        f"{evidence.metric} {number(value)}" if value is not None else f"{evidence.metric} is undefined on these rows",
        f"at least {limit:g}",
        "improve the model (more data, other columns, another estimator)",
    )


def _max_drop(evidence: Evidence, limit: float) -> Gate:
    drop, opponent = evidence.drop, evidence.opponent
    if drop is None or drop.difference is None:
        undefined = f"the {opponent} cannot read these rows" if evidence.incompatible else "undefined on these rows"
        measured = undefined if evidence.champion else "no champion to compare with"
        return Gate("max_drop", None, measured, f"not worse than the {opponent}", "")
    width = f" with the noise of {drop.noise_rows:,} rows" if drop.noise_rows > drop.rows else ""
    cause = "find the cause in the parameters, data and slices below"
    return _not_worse("max_drop", evidence, drop, limit, f"{drop.rows:,} {drop.which}, 95 % interval{width}", cause)


def _max_recent_drop(evidence: Evidence, limit: float) -> Gate:
    recent, opponent = evidence.recent, evidence.opponent
    required = f"not worse than the {opponent} on the newest rows"
    if recent is None or recent.score.difference is None or not recent.enough:
        measured = f"only {recent.rows:,} {recent.which}" if recent else "no newest rows to compare on (review.recent)"
        return Gate("max_recent_drop", None, measured, required, "")
    cause = "find out what is new in these rows: train on newer ones"
    where = f"{recent.rows:,} {recent.which}, 95 % interval"
    return _not_worse("max_recent_drop", evidence, recent.score, limit, where, cause)


def _not_worse(name: str, evidence: Evidence, change: Score | Drop, limit: float, where: str, cause: str) -> Gate:
    """Return the gate of a *change* against the opponent, whose interval must reach -*limit*."""
    return Gate(
        name,
        change.high is None or change.high >= -limit,
        f"{evidence.metric} {signed(change.difference)} against the {evidence.opponent} on {where} {interval(change)}",
        f"the interval reaches {signed(-limit or 0.0)} or more",
        f"keep the {evidence.opponent}, or {cause}",
    )


def _min_slice_score(evidence: Evidence, limit: float) -> Gate:
    slices = evidence.performance.slices
    low = [s for s in slices if s.below]
    named = ", ".join(f"{s.column} = {s.value} ({s.rows} rows): {number(s.score.candidate)}" for s in low[:3])
    more = f" and {len(low) - 3} more" if len(low) > 3 else ""
    return Gate(
        "min_slice_score",
        not low if slices else None,
        f"{named}{more}" if low else f"{len(slices)} slices",
        f"no slice below {limit:g} beyond noise",
        "inspect these rows: there are too few like them in training, or a column has another meaning for them",
    )


def _validation(evidence: Evidence) -> Gate:
    report = evidence.validation
    failed = f"{len(report.failures)} of {report.expectations} expectations fail" if report else ""
    return Gate(
        "validation",
        report is not None and report.success,
        failed or "the data was not validated",
        "the data meets contract.yaml",
        "fix the data or contract.yaml, and run the pipeline again (dvc repro)",
    )


def _leakage(evidence: Evidence) -> Gate:
    return Gate(
        "leakage",
        not evidence.leaks,
        "; ".join(evidence.leaks) or "none was found",
        "no columns determine the target, or the contract acknowledges them",
        "leave out what is not known when a prediction is made (ignore in contract.yaml), list the other columns there "
        "in acknowledged_leaks",
    )


def _min_class_rows(evidence: Evidence, limit: int) -> Gate:
    few = {name: count for name, count in evidence.class_rows.items() if count < limit}
    named = ", ".join(f"{name}: {count} test rows" for name, count in few.items())
    fewest = f"at least {min(evidence.class_rows.values())} test rows of each class" if evidence.class_rows else ""
    return Gate(
        "min_class_rows",
        None if few or not fewest else True,
        f"unproven: {named}" if few else fewest or "numbers have no classes",
        f"at least {limit} test rows of each class, else the verdict is only that the model is unproven",
        "",
    )


def _behaviour(evidence: Evidence) -> Gate:
    broken = [f"{s.text} ({s.violations:,}: {s.example})" for s in evidence.behaviour if s.holds is False]
    undecided = sum(s.holds is None for s in evidence.behaviour)
    held = f"{len(evidence.behaviour) - undecided} statements hold" + (f", {undecided} undecided" if undecided else "")
    return Gate(
        "behaviour",
        not broken if evidence.behaviour else None,
        "; ".join(broken) or held if evidence.behaviour else "contract.yaml states none",
        "the statements of contract.yaml (behaviour) hold",
        "train trees, which follow directions (the table of behaviour says what was enforced), read columns of "
        "unchanged_by in no function of features.py, change the statement in contract.yaml",
    )


def _parity(evidence: Evidence) -> Gate:
    parity, tolerance = evidence.candidate.parity, evidence.limits.parity_tolerance
    return Gate(
        "parity",
        parity is not None and parity.largest_difference <= tolerance,
        f"at most {parity.largest_difference:.1e} apart on {parity.rows} rows" if parity else "not measured",
        f"at most {tolerance:.1e} between the exported and the trained model",
        "export the model again (dvc repro); its tolerance is in params.yaml (export)",
    )


def _max_latency_ms(evidence: Evidence, limit: float) -> Gate:
    value = evidence.candidate.latency_ms
    measured = f"{value:.2f} ms of processor time for one row"
    return Gate("max_latency_ms", value <= limit, measured, f"at most {limit:g} ms", "use fewer or smaller trees")


def _max_size_mb(evidence: Evidence, limit: float) -> Gate:
    size = evidence.candidate.size_bytes / 1e6
    return Gate("max_size_mb", size <= limit, f"{size:.2f} MB", f"at most {limit:g} MB", "use fewer or smaller trees")


def _min_test_rows(evidence: Evidence, limit: float) -> Gate:
    before = evidence.champion.test_rows if evidence.champion else None
    required = f"at least {limit:.0%} of the test rows of the {evidence.opponent}"
    if not before:
        unknown = "their number was not recorded" if evidence.champion else "no champion to compare with"
        return Gate("min_test_rows", None, unknown, required, "")
    return Gate(
        "min_test_rows",
        evidence.rows >= limit * before,
        f"{evidence.rows:,} test rows, {evidence.rows / before:.1%} of {before:,}",
        required,
        "find out why the table shrank: see the change of the data below",
    )


def _max_psi(evidence: Evidence, limit: float) -> Gate:
    required = f"no column with a PSI above {limit:g} between the data of both models"
    if evidence.data is None or not (evidence.data.same or evidence.data.parts):
        return Gate("max_psi", None, "no data to compare with", required, "")
    shifts = {f"{c.name} in the {part.name} part": c.shift for part in evidence.data.parts for c in part.columns}
    beyond_chance = {name: shift.psi for name, shift in shifts.items() if shift.psi > shift.chance}
    largest = max(beyond_chance, key=lambda name: beyond_chance[name], default=None)
    return Gate(
        "max_psi",
        largest is None or beyond_chance[largest] <= limit,
        f"{largest}: {beyond_chance[largest]:.2f}" if largest else "no column shifted beyond chance",
        required,
        "check the source of the data: see the change of the data below",
    )
