"""The sentences and rows of text that the Markdown page, the HTML page and the terminal share."""

from collections.abc import Callable, Sequence
from functools import partial

from ..common.provenance import short
from ..data.counts import Counts
from .performance import TEST_ROWS, Confusion, Drop, Movement, Score, Verdict
from .report import Evidence, ModelFacts
from .statement import Statement

SIGNS: dict[Verdict | None, str] = {"better": "▲ better", "worse": "▼ worse", "same": "within noise", None: ""}
COMPARISON: dict[Verdict | None, str] = {"better": "better than", "worse": "worse than"}
NOTHING = "—"  # stands for a value that is absent
Row = tuple[str, str, str]  # name, value of the candidate, value of the champion


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as text; a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "\N{MINUS SIGN}")  # no negative zero


def signed(value: float | None) -> str:
    """Return a difference as text, always with its sign."""
    return NOTHING if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def interval(score: Score | Drop) -> str:
    """Return the interval of a difference as text."""
    return NOTHING if score.low is None or score.high is None else f"{signed(score.low)} to {signed(score.high)}"


def own_interval(score: Score) -> str:
    """Return the interval of the candidate's value as text."""
    low, high = score.candidate_low, score.candidate_high
    return NOTHING if low is None or high is None else f"{number(low)} to {number(high)}"


def verdict(refused_by: Sequence[str], unproven: Sequence[str] = ()) -> str:
    """Return the verdict in a few words."""
    if refused_by:
        return f"Model refused by {', '.join(refused_by)}"
    return "Model unproven, not refused" if unproven else "Model accepted"


def outcome(evidence: Evidence) -> str:
    """Return the result of the comparison in one sentence."""
    score = evidence.primary
    value = f"{evidence.metric} {number(score.candidate)} on {evidence.rows:,} test rows"
    if not evidence.champion:
        return f"{value}. There is no champion yet: the absolute gates decide."
    name, role = evidence.champion.source.name, evidence.opponent
    if score.difference is None:
        return f"{value}. The {role} ({name}) cannot be evaluated on these rows: the absolute gates decide."
    comparison = COMPARISON.get(score.verdict, "not significantly different from")
    change = f"{signed(score.difference)}, 95 % interval {interval(score)}"
    sentence = f"{value}, {comparison} the {role} ({name}) with {number(score.champion)}: {change}."
    drop, recent = evidence.drop, evidence.recent
    if drop and drop.which != TEST_ROWS:
        sentence += f" On {drop.rows:,} {drop.which}: {signed(drop.difference)}, 95 % interval {interval(drop)}."
    if recent and recent.score.difference is not None:
        score, where = recent.score, f"On the {recent.rows:,} {recent.which}"
        sentence += f" {where}: {signed(score.difference)}, 95 % interval {interval(score)}, {SIGNS[score.verdict]}."
    return sentence


def movement(moved: Movement, task: str) -> list[tuple[str, str]]:
    """Return how predictions move from champion to candidate, as names and values."""
    rows = []
    if moved.changed_share is not None:
        rows.append(("rows whose class changes", f"{moved.changed_share:.2%}"))
        rows.append(("rows that became right", f"{moved.became_right:,}"))
        rows.append(("rows that became wrong", f"{moved.became_wrong:,}"))
    unit = "" if task == "regression" else " of the probability"
    rows.append((f"mean absolute change{unit}", number(moved.mean_absolute_change)))
    if moved.rank_correlation is not None:
        rows.append(("rank correlation", number(moved.rank_correlation)))
    return rows


def intervals(evidence: Evidence) -> list[Row]:
    """Return the coverage and the mean width of the prediction intervals; nothing without them."""
    pair = evidence.intervals
    if pair is None:
        return []
    covered = f"actual numbers inside, of {pair.asked:.0%} asked for"
    old = pair.champion
    return [
        (covered, f"{pair.candidate.covered:.1%}", f"{old.covered:.1%}" if old else NOTHING),
        ("mean width", f"{pair.candidate.width:,.4g}", f"{old.width:,.4g}" if old else NOTHING),
    ]


def behaviour(statements: Sequence[Statement]) -> list[tuple[str, str, str, str, str]]:
    """Return statements on the behaviour: text, how it was checked, violations, worst example, verdict."""
    verdicts = {True: "holds", False: "violated", None: "undecided"}
    return [
        (
            statement.text,
            statement.checked,
            f"{statement.violations:,}",
            statement.example or NOTHING,
            verdicts[statement.holds] + (", enforced in training" if statement.enforced else ""),
        )
        for statement in statements
    ]


def cost(evidence: Evidence) -> list[Row]:
    """Return size and latency, with their units."""
    return [
        _row(evidence, "model.onnx", lambda model: f"{number(model.size_bytes / 1e6, 2)} MB"),
        _row(evidence, "one row, processor time", lambda model: f"{number(model.latency_ms, 2)} ms"),
    ]


def lineage(evidence: Evidence) -> list[Row]:
    """Return where candidate and champion come from, and the packages that made them."""
    models = [model for model in (evidence.candidate, evidence.champion) if model]
    packages = dict.fromkeys(name for model in models for name in model.packages)
    rows = [
        _row(evidence, "version", lambda model: model.source.version),
        _row(evidence, "git commit", lambda model: model.source.commit),
        _row(evidence, "MLflow run", lambda model: model.source.run_id),
        _row(evidence, "model.onnx", lambda model: model.model_sha256),
        _row(evidence, "pipeline", lambda model: model.pipeline_sha256),
        _row(evidence, "test rows at export", lambda model: model.test_sha256),
        _row(evidence, "contract.yaml", lambda model: model.contract_sha256),
        *(_row(evidence, name, partial(_package, name)) for name in packages),
    ]
    return [row for row in rows if row[1:] != (NOTHING, NOTHING)]


def _package(name: str, model: ModelFacts) -> str | None:
    return model.packages.get(name)


def _row(evidence: Evidence, name: str, text: Callable[[ModelFacts], str | None]) -> Row:
    values = [model and text(model) for model in (evidence.candidate, evidence.champion)]
    candidate, champion = (short(value or NOTHING) for value in values)
    return name, candidate, champion


def validation(evidence: Evidence) -> str:
    """Return the result of validation in one sentence."""
    report = evidence.validation
    if not report:
        return "The data was not validated."
    kept = report.expectations - len(report.failures)
    unused = Counts(report.rows, report.without_target).explain(evidence.target)
    hold = f"{kept} of {report.expectations} expectations of the contract hold on {report.rows:,} rows."
    return f"{hold} {unused}." if unused else hold


def mistakes(confusion: Confusion, most: int) -> list[tuple[str, str, int, int | None]]:
    """Return the most frequent mistakes: the actual class, the predicted one, rows of both models."""
    size = range(len(confusion.classes))
    old = confusion.champion
    pairs = [
        (confusion.classes[a], confusion.classes[p], confusion.candidate[a][p], old[a][p] if old else None)
        for a in size
        for p in size
        if a != p
    ]
    return sorted(pairs, key=lambda pair: -max(pair[2], pair[3] or 0))[:most]


def predicted(confusion: Confusion) -> list[str]:
    """Return the heads of the columns of a confusion table."""
    return [f"predicted {label}" for label in confusion.classes]


def baseline(task: str) -> str:
    """Return what the baseline of a task is."""
    return "always the mean" if task == "regression" else "always the most frequent class"
