"""The review as one HTML page that loads nothing else: the page that a reviewer opens."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ...common.html import render
from ...data.validation_report import describe
from .. import data_phrases, phrases
from ..data_parts import NOTABLE_PSI
from ..doubts import few
from ..performance import ClassScore, Curve, Slice
from ..report import Evidence, Report
from . import charts

TEMPLATE = "review/pages/review.html.j2"
SHOWN = 25  # rows of a long table before the rest is folded away
MOST = 300  # slices on the page; review.json has them all
MOST_CLASSES = 8  # of a confusion table; of more classes, the most frequent mistakes are listed
CURVES = {
    "roc": "ROC curve",
    "gain": "Gain: positives among the rows with the largest probabilities",
    "lift": "Lift: how many times more positives than in random rows",
    "precision_recall": "Precision and recall",
    "calibration": "Calibration",
    "residuals": "Residuals by quantile",
}


class Scale(NamedTuple):
    """The ends of an axis that several charts share, and the limit of the gate where it is drawn."""

    low: float
    high: float
    floor: float | None


def page(report: Report) -> str:
    """Return the page."""
    evidence = report.evidence
    performance = evidence.performance
    return render(
        TEMPLATE,
        report=report,
        notes=(*few(report.unproven), *evidence.notes),
        evidence=evidence,
        performance=performance,
        opponent=evidence.opponent,
        tiles=_tiles(evidence),
        spread=_spread(evidence),
        figures=_figures(performance.curves),
        importances=_importances(evidence),
        slice_scale=_scale(performance.slices, evidence.limits.min_slice_score),
        class_scale=_scale(performance.classes, None),
        SHOWN=SHOWN,
        MOST=MOST,
        MOST_CLASSES=MOST_CLASSES,
        NOTABLE_PSI=NOTABLE_PSI,
        phrases=phrases,
        data_phrases=data_phrases,
        charts=charts,
        describe=describe,
    )


def _tiles(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the most important numbers, each with its label."""
    score, movement = evidence.primary, evidence.performance.movement
    tiles = [(phrases.number(score.candidate), evidence.metric + _against(evidence, phrases.number(score.champion)))]
    if score.difference is not None:
        tiles.append((phrases.signed(score.difference), f"95 % {phrases.interval(score)}"))
    if movement and movement.changed_share is not None:
        tiles.append((f"{movement.changed_share:.2%}", "of rows change class"))
    cost = phrases.cost(evidence)
    return tiles + [(candidate, name + _against(evidence, champion)) for name, candidate, champion in cost]


def _against(evidence: Evidence, value: str) -> str:
    return f", {evidence.opponent} {value}" if evidence.champion and value != phrases.NOTHING else ""


def _spread(evidence: Evidence) -> Markup | None:
    drop = evidence.drop
    if drop is None or drop.low is None or drop.high is None or drop.difference is None:
        return None
    label = f"difference of {evidence.metric}"
    return charts.spread(drop.low, drop.difference, drop.high, evidence.limits.max_drop, label)


def _importances(evidence: Evidence) -> Markup | None:
    rows = [(i.feature, i.candidate, i.champion) for i in evidence.importances]
    return charts.bars(rows, False, "importance of features") if rows else None


def _figures(curves: dict[str, Curve]) -> list[tuple[str, Markup]]:
    """Return the curves, drawn, each with its title."""
    return [(title, _figure(name, curves[name])) for name, title in CURVES.items() if name in curves]


def _figure(name: str, curve: Curve) -> Markup:
    series = {"candidate": curve.candidate} | ({"champion": curve.champion} if curve.champion else {})
    diagonal, dots = name in ("roc", "gain", "calibration"), name == "calibration"
    return charts.lines(series, curve.x, curve.y, diagonal=diagonal, dots=dots)


def _scale(groups: Sequence[Slice | ClassScore], floor: float | None) -> Scale | None:
    """Return the scale on which groups are drawn; it reaches to the *floor* where that is close."""
    values = [value for g in groups for value in (g.score.candidate, g.score.champion) if value is not None]
    if not values:
        return None
    low, high = charts.limits(values)
    return Scale(floor if floor is not None and low - (high - low) < floor < low else low, high, floor)
