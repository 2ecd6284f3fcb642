"""The sentences and rows of text that the Markdown page, the HTML page and the terminal share."""

from collections.abc import Callable, Sequence
from functools import partial

from ..data.split import Counts
from .performance import Movement, Score, Verdict
from .report import Evidence, ModelFacts

SIGNS: dict[Verdict | None, str] = {"better": "▲ better", "worse": "▼ worse", "same": "within noise", None: ""}
COMPARISON: dict[Verdict | None, str] = {"better": "better than", "worse": "worse than"}
Row = tuple[str, str, str]  # name, value of the candidate, value of the champion


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as text; a dash where there is none."""
    return "—" if value is None else f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: float | None) -> str:
    """Return a difference as text, always with its sign."""
    return "—" if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def interval(score: Score) -> str:
    """Return the interval of a difference as text."""
    return "—" if score.low is None or score.high is None else f"{signed(score.low)} to {signed(score.high)}"


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
    name = evidence.champion.source.name
    if score.difference is None:
        return f"{value}. The champion ({name}) cannot be evaluated on these rows: the absolute gates decide."
    comparison = COMPARISON.get(score.verdict, "not significantly different from")
    change = f"{signed(score.difference)}, 95 % interval {interval(score)}"
    return f"{value}, {comparison} the champion ({name}) with {number(score.champion)}: {change}."


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


def cost(evidence: Evidence) -> list[Row]:
    """Return size and latency, with their units."""
    return [
        _row(evidence, "model.onnx", lambda model: f"{number(model.size_bytes / 1e6, 2)} MB"),
        _row(evidence, "one row, median", lambda model: f"{number(model.latency_ms, 2)} ms"),
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
    return [row for row in rows if row[1:] != ("—", "—")]


def _package(name: str, model: ModelFacts) -> str | None:
    return model.packages.get(name)


def _row(evidence: Evidence, name: str, text: Callable[[ModelFacts], str | None]) -> Row:
    values = [model and text(model) for model in (evidence.candidate, evidence.champion)]
    candidate, champion = ((value or "—")[:12] for value in values)
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
