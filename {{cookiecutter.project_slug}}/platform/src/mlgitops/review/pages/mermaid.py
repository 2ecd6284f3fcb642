"""Charts in the language that code hosts draw in comments."""

import re
from typing import Any

import numpy as np

POINTS = 21  # of a line; they must be evenly spaced


def chart(found: dict[str, Any]) -> str:
    """Return one curve as a mermaid chart; it knows no legend, so that the title says which line is which."""
    curves = found["curves"]
    if found["classes"]:
        shown = found["classes"][:POINTS]
        labels = ", ".join(f'"{re.sub(r"[^a-zA-Z0-9 ]", " ", one["value"])[:12].strip() or "?"}"' for one in shown)
        lines = {name: [one[name] for one in shown] for name in ("candidate", "champion") if shown[0][name] is not None}
        return _mermaid("F1 by class", f"[{labels}]", "F1", (0.0, 1.0), lines)
    if "roc" in curves:
        return _mermaid("ROC", *_even(curves["roc"], 0.0, 1.0))
    if "residuals" in curves:
        return _mermaid("Residuals by quantile", *_even(curves["residuals"], 0.05, 0.95))
    return ""


def _even(
    curve: dict[str, Any], low: float, high: float
) -> tuple[str, str, tuple[float, float], dict[str, list[float]]]:
    """Return a curve as `_mermaid` takes it: x axis, y axis, its limits, and values at evenly spaced places."""
    grid, (x, y) = np.linspace(low, high, POINTS), curve["columns"]
    models = [name for name in ("candidate", "champion") if name in curve]
    lines: dict[str, list[float]] = {
        name: np.interp(grid, *np.asarray(curve[name], dtype="float64").T).tolist() for name in models
    }
    bottom, top = min(map(min, lines.values())), max(map(max, lines.values()))
    return f'"{x}" {low:g} --> {high:g}', y, (bottom, top if top > bottom else bottom + 1), lines


def _mermaid(title: str, x: str, y: str, limits: tuple[float, float], lines: dict[str, list[float]]) -> str:
    said = " and ".join(f"{name} ({colour})" for name, colour in zip(lines, ("blue", "orange"), strict=False))
    theme = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#2563eb, #d97706"}}}}%%'
    axes = [f"    x-axis {x}", f'    y-axis "{y}" {limits[0]:.6f} --> {limits[1]:.6f}']
    drawn = [f"    line [{', '.join(f'{value:.6f}' for value in line)}]" for line in lines.values()]
    return "\n".join(["```mermaid", theme, "xychart-beta", f'    title "{title}: {said}"', *axes, *drawn, "```"])
