"""The report on production as a page, as text for a terminal, and as metrics for Prometheus."""

from collections.abc import Callable
from pathlib import Path

from ..common import files
from ..common.html import render
from .production import Period, Production, Value


def save(report: Production, folder: Path) -> None:
    """Write production.html and production.prom."""
    files.write(folder / "production.html", render("monitoring/production.html.j2", report=report, number=number))
    files.write(folder / "production.prom", prometheus(report))


def number(value: float | None) -> str:
    """Return a metric, or a dash where it is undefined."""
    return "–" if value is None else f"{value:.4f}"  # noqa: RUF001 (a dash)


def interval(score: Value) -> str:
    """Return a metric with its interval."""
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]" if score.value is not None else "–"  # noqa: RUF001


def text(report: Production) -> str:
    """Return the report for a terminal."""
    lines = [f"{report.predictions:,} predictions, {report.refused:,} refused requests; {outcomes(report)}"]
    lines.append(
        f"{'period':10}  {'version':12}  {'rows':>8}  {'labelled':>8}  {report.metric} (95 %)  estimated  verdict"
    )
    lines += [
        f"{p.start:10}  {p.version[:12]:12}  {p.rows:8,}  {p.labelled_share:8.1%}  {interval(p.score)}  "
        f"{number(p.estimated)}  {p.verdict}"
        for p in report.periods
    ]
    return "\n".join(lines)


def outcomes(report: Production) -> str:
    """Return what became of the rows of the table of outcomes."""
    counts = report.outcomes
    if not counts.rows:
        return "no outcomes"
    parts = {
        "without a value": counts.without_value,
        "not a value of the target": counts.invalid,
        "repeated": counts.repeated,
        f"contradictory, of which the {counts.rule} counts": counts.contradictory,
        "of unknown predictions": counts.unknown,
    }
    named = [f"{count:,} {name}" for name, count in parts.items() if count]
    return f"{counts.rows:,} outcomes" + (f", {', '.join(named)}" if named else "")


def prometheus(report: Production) -> str:
    """Return the newest values in Prometheus' text format, for the textfile collector or a push gateway."""
    lines = [
        "# HELP production_predictions Predictions in the report.",
        "# TYPE production_predictions gauge",
        f"production_predictions {report.predictions}",
        "# HELP production_refused_share Share of requests that broke the contract.",
        "# TYPE production_refused_share gauge",
        f"production_refused_share {report.refused_share:g}",
        "# HELP production_alarm Whether the performance is an alarm.",
        "# TYPE production_alarm gauge",
        f"production_alarm {int(bool(report.reasons))}",
    ]
    series: dict[str, tuple[str, Callable[[Period], float | None]]] = {
        "production_score": ("The primary metric of a period, from outcomes.", lambda p: p.score.value),
        "production_score_low": ("Lower end of its 95 % interval.", lambda p: p.score.low),
        "production_score_high": ("Upper end of its 95 % interval.", lambda p: p.score.high),
        "production_score_estimated": ("The primary metric, estimated without outcomes.", lambda p: p.estimated),
        "production_score_evaluated": ("The primary metric when the model was evaluated.", lambda p: p.evaluated),
        "production_labelled_share": ("Share of predictions with an outcome.", lambda p: p.labelled_share),
    }
    newest = {period.version: period for period in report.periods}
    judged = {p.version: p for p in report.periods if p.score.value is not None}
    for name, (meaning, value) in series.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        for version, period in (newest if name == "production_score_estimated" else newest | judged).items():
            if value(period) is not None:
                labels = f'version="{_escaped(version)}",metric="{report.metric}",period="{period.start}"'
                lines.append(f"{name}{{{labels}}} {value(period):g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
