"""Charts as SVG that take their colours from the page's style sheet."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from .svg import element

Point = tuple[float, float]
WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 420, 300, 46, 40, 10
BARS_LEFT = 150  # where bars start


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers between *low* and *high*, about *count* of them."""
    raw = (high - low) / count or 1.0
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * next(s for s in (1, 2, 2.5, 5, 10) if s * power >= raw * 0.999)
    return [float(tick) + 0.0 for tick in np.arange(np.ceil(low / step - 1e-9), high / step + 1e-9) * step]


def lines(
    series: Mapping[str, Sequence[Point]], x_label: str, y_label: str, diagonal: bool = False, dots: bool = False
) -> Markup:
    """Return a line chart; the name of a series is its class in the style sheet."""
    xs, ys = (limits([point[axis] for points in series.values() for point in points]) for axis in (0, 1))
    if diagonal:
        xs = ys = min(xs[0], ys[0]), max(xs[1], ys[1])

    def place(x: float, y: float) -> Point:
        across = LEFT + (x - xs[0]) / (xs[1] - xs[0]) * (WIDTH - LEFT - MARGIN)
        return round(across, 1), round(HEIGHT - BOTTOM - (y - ys[0]) / (ys[1] - ys[0]) * (HEIGHT - BOTTOM - MARGIN), 1)

    parts = _grid(place, xs, ys)
    if diagonal:
        parts.append(_line(place(xs[0], ys[0]), place(xs[1], ys[1]), "reference"))
    for name, points in reversed(list(series.items())):
        placed = [place(*point) for point in points]
        parts.append(element("polyline", class_=name, points=" ".join(f"{x},{y}" for x, y in placed)))
        parts += [element("circle", class_=name, cx=x, cy=y, r=3) for x, y in placed if dots]
    parts.append(_text(x_label, (LEFT + WIDTH - MARGIN) / 2, HEIGHT - 6, "middle", "name"))
    middle = (MARGIN + HEIGHT - BOTTOM) / 2
    turned = f"rotate(-90 12 {middle})"
    parts.append(element("text", y_label, x=12, y=middle, text_anchor="middle", class_="name", transform=turned))
    return _svg(f"{y_label} by {x_label}", WIDTH, HEIGHT, *parts)


def _grid(place: Callable[[float, float], Point], xs: Point, ys: Point) -> list[Markup]:
    parts = []
    for tick in ticks(*xs):
        x, y = place(tick, ys[0])
        parts += [_line((x, y), (x, MARGIN), "grid"), _text(f"{tick:g}", x, y + 16, "middle")]
    for tick in ticks(*ys):
        x, y = place(xs[0], tick)
        parts += [_line((x, y), (WIDTH - MARGIN, y), "grid"), _text(f"{tick:g}", x - 6, y + 4, "end")]
    return parts


def spread(low: float, middle: float, high: float, margin: float | None, label: str) -> Markup:
    """Return a difference with its interval, beside zero and the largest drop that the gate accepts."""
    reach = max(abs(low), abs(high), margin or 0.0, 1e-9) * 1.15

    def place(value: float) -> float:
        return round(20 + (value + reach) / (2 * reach) * (WIDTH - 40), 1)

    parts = []
    if margin is not None:
        parts.append(element("rect", class_="refused", x=20, y=14, width=round(place(-margin) - 20, 1), height=28))
    parts += [_line((20, 28), (WIDTH - 20, 28), "grid"), _line((place(0), 10), (place(0), 46), "axis")]
    parts += [
        _line((place(low), 28), (place(high), 28), "bar"),
        element("circle", class_="bar", cx=place(middle), cy=28, r=6),
    ]
    parts += [
        _text("worse", 20, 62, "start"),
        _text("0", place(0), 62, "middle"),
        _text("better", WIDTH - 20, 62, "end"),
    ]
    return _svg(label, WIDTH, 68, *parts)


def pair(candidate: float, champion: float | None, low: float, high: float, floor: float | None, label: str) -> Markup:
    """Return two values on the scale from *low* to *high*, joined, with a tick where the floor is."""

    def place(value: float) -> float:
        return round(8 + (value - low) / (high - low) * 184, 1)

    parts = [_line((8, 9), (192, 9), "grid")]
    if floor is not None and low <= floor <= high:
        parts.append(_line((place(floor), 2), (place(floor), 16), "floor"))
    if champion is not None:
        ends = (place(champion), 9), (place(candidate), 9)
        parts += [_line(*ends, "joined"), element("circle", class_="champion", cx=place(champion), cy=9, r=4)]
    parts.append(element("circle", class_="candidate", cx=place(candidate), cy=9, r=5))
    return _svg(label, 200, 18, *parts)


def bars(rows: Sequence[tuple[str, float | None, float | None]], percent: bool, label: str) -> Markup:
    """Return horizontal bars of two values each, the candidate's above the champion's, which may be absent."""
    values = [max(value, 0.0) for _, *pair in rows for value in pair if value is not None]
    pairs = any(champion is not None for _, _, champion in rows)
    top, step = max(values, default=0.0) or 1.0, 30 if pairs else 20
    parts = []
    for n, (name, candidate, champion) in enumerate(rows):
        y = 4 + n * step
        parts.append(_text(_fitting(name, BARS_LEFT - 12), BARS_LEFT - 8, y + step / 2, "end", "name"))
        drawn = [("candidate", candidate), ("champion", champion)] if pairs else [("candidate", candidate)]
        for place, (kind, value) in enumerate(drawn):
            if value is None:
                continue
            width = round(max(value, 0.0) / top * (WIDTH - BARS_LEFT - 62), 1)
            parts.append(element("rect", class_=kind, x=BARS_LEFT, y=y + 12 * place, width=width, height=10, rx=2))
            text = f"{value:.1%}" if percent else f"{value:.4f}"
            parts.append(_text(text, BARS_LEFT + width + 5, y + 12 * place + 9, "start", "value"))
    return _svg(label, WIDTH, 8 + len(rows) * step, *parts)


def _fitting(text: str, width: float) -> str:
    """Return *text*, cut to about *width* pixels in the size of a name: capitals are wider than other characters."""
    widths = np.cumsum([9.4 if character.isupper() else 7.2 for character in text])
    return text if not len(widths) or widths[-1] <= width else text[: int((widths <= width - 9).sum())] + "…"


def limits(values: Sequence[float]) -> Point:
    """Return the least and the greatest of *values*, apart even where they are one."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _svg(label: str, width: int, height: int, *parts: Markup) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=label)


def _line(start: Point, end: Point, name: str) -> Markup:
    return element("line", class_=name, x1=start[0], y1=start[1], x2=end[0], y2=end[1])


def _text(content: str, x: float, y: float, anchor: str, name: str = "tick") -> Markup:
    return element("text", content, class_=name, x=x, y=y, text_anchor=anchor)
