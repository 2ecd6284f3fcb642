"""Charts in the language that code hosts draw in comments."""

import re

import numpy as np

from ..performance import ClassScore, Curve
from ..report import Evidence

POINTS = 21  # of a line; they must be evenly spaced
COLOURS = ("blue", "orange")
THEME = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#2563eb, #d97706"}}}}%%'

Lines = dict[str, list[float]]  # the values of each model


def chart(evidence: Evidence) -> str:
    """Return one curve as a mermaid chart; it has no legend, so that the title says which line is which."""
    curves, classes = evidence.performance.curves, evidence.performance.classes
    if classes:
        return _classes(classes[:POINTS])
    if "roc" in curves:
        return _curve("ROC", curves["roc"], 0.0, 1.0)
    if "residuals" in curves:
        return _curve("Residuals by quantile", curves["residuals"], 0.05, 0.95)
    return ""


def _classes(classes: tuple[ClassScore, ...]) -> str:
    names = [re.sub(r"[^a-zA-Z0-9 ]", " ", scored.value)[:12].strip() or "?" for scored in classes]
    candidate = [scored.score.candidate or 0.0 for scored in classes]
    champion = [scored.score.champion for scored in classes if scored.score.champion is not None]
    lines = {"candidate": candidate} | ({"champion": champion} if champion else {})
    labels = ", ".join(f'"{name}"' for name in names)
    return _mermaid("F1 by class", f"[{labels}]", "F1", (0.0, 1.0), lines)


def _curve(title: str, curve: Curve, low: float, high: float) -> str:
    """Return a curve with its values at evenly spaced places."""
    grid = np.linspace(low, high, POINTS)
    models = {"candidate": curve.candidate} | ({"champion": curve.champion} if curve.champion else {})
    lines: Lines = {name: np.interp(grid, *np.asarray(points).T).tolist() for name, points in models.items()}
    bottom, top = min(map(min, lines.values())), max(map(max, lines.values()))
    limits = (bottom, top if top > bottom else bottom + 1)
    return _mermaid(title, f'"{curve.x}" {low:g} --> {high:g}', curve.y, limits, lines)


def _mermaid(title: str, x: str, y: str, limits: tuple[float, float], lines: Lines) -> str:
    legend = " and ".join(f"{name} ({colour})" for name, colour in zip(lines, COLOURS, strict=False))
    axes = [f"    x-axis {x}", f'    y-axis "{y}" {limits[0]:.6f} --> {limits[1]:.6f}']
    drawn = [f"    line [{', '.join(f'{value:.6f}' for value in line)}]" for line in lines.values()]
    return "\n".join(["```mermaid", THEME, "xychart-beta", f'    title "{title}: {legend}"', *axes, *drawn, "```"])
