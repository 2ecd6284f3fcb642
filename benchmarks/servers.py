"""Asks our service and what people would build instead, in turns, and writes what it finds into README.md beside it.

    python benchmarks/servers.py PROJECT

PROJECT is a generated project whose pipeline has run. All servers have the same model and run at once, one process
each, or two workers; each is asked alone, and the figures are medians of several rounds. Debian's `wrk` asks.
"""

import json
import math
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import loads
from pipeline import saved

HERE = Path(__file__).parent
CONNECTIONS = (1, 16, 64)
ROUNDS, SECONDS = 3, 3
MANY = (1000, 10_000, 20_000)  # rows in one request
OURS, BARE, FASTAPI = "ours (BentoML)", "bare ASGI, our scoring", "FastAPI, ONNX runtime"
PAIR = "ours, two workers"
COLOURS = {1: "#9ecae1", 16: "#4292c6", 64: "#08519c"}

# Prints features and predictions for the golden rows, then what one process can do without a network.
INSIDE = """
import json, statistics, sys, time
from pathlib import Path
import pandas
from mlgitops.data import frame
from mlgitops.model.scorer import Scorer
from mlgitops.serving import bento
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits
api, golden = Api(), json.loads(Path("models/export/golden.json").read_text())
bento.start(api, Path("models/export"), Limits())
contract = Scorer(Path("models/export")).contract
features = frame.features(frame.parse(pandas.DataFrame(golden["rows"], dtype=object), contract), contract)
print(features.to_json(orient="records"))
def limit(bodies, seconds):
    taken, begun = [], time.perf_counter()
    while time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        api.score(bodies[len(taken) % len(bodies)])
        taken.append(time.perf_counter() - start)
    taken.sort()
    return [len(taken) / sum(taken), taken[len(taken) // 2] * 1e3, taken[int(len(taken) * 0.99)] * 1e3]
rows = golden["rows"]
many = [json.dumps(rows * (number // len(rows))).encode() for number in MANY]
print(json.dumps([limit([json.dumps(row).encode() for row in rows], 4), *(limit([body], 4) for body in many)]))
"""


def start(stack: ExitStack, project: Path) -> dict[str, tuple[str, Any]]:
    """Start all servers; return where each is asked, and how it wants to be sent rows."""
    environment = {"PYTHONPATH": str(HERE)}
    python = str(project / ".venv/bin/python")
    uvicorn = [python, "-m", "uvicorn", "--factory", "--no-access-log", "--log-level=warning", "--port"]
    service = [python, "-m", "mlgitops.serving.serve"]
    bento = [python, "-m", "bentoml", "serve", "opponents:Bento", "--port"]
    mlflow = ["mlflow", "models", "serve", "--env-manager=local", f"--model-uri={saved(project)}", "--port"]
    listed, ours = (lambda row: [row]), (lambda row: row)
    tried: dict[str, tuple[list[str], str, str, Any]] = {
        OURS: ([*service, "--port"], "/readyz", "/predict", ours),
        PAIR: ([*service, "--workers=2", "--port"], "/readyz", "/predict", ours),
        FASTAPI: ([*uvicorn, "PORT", "opponents:fastapi_onnx"], "/docs", "/predict", listed),
        BARE: ([*uvicorn, "PORT", "--lifespan=off", "opponents:Bare"], "/", "/predict", ours),
        "FastAPI, scikit-learn": ([*uvicorn, "PORT", "opponents:fastapi_sklearn"], "/docs", "/predict", listed),
        "BentoML, scikit-learn": (bento, "/readyz", "/predict", lambda row: {"rows": [row]}),
        "mlflow models serve": (mlflow, "/ping", "/invocations", lambda row: {"dataframe_records": [row]}),
    }
    found = {}
    for name, (command, ready, path, wrap) in tried.items():
        port = str(loads.free_port())
        words = [port if word == "PORT" else word for word in command]
        words = words if "PORT" in command else [*words, port]
        stack.enter_context(loads.server(words, project, f"http://127.0.0.1:{port}{ready}", **environment))
        found[name] = (f"http://127.0.0.1:{port}{path}", wrap)
    return found


def main() -> None:
    """Measure, and write the tables and the plot."""
    project = Path(sys.argv[1]).resolve()
    code = INSIDE.replace("MANY", str(MANY))
    python = str(project / ".venv/bin/python")
    done = subprocess.run([python, "-c", code], cwd=project, capture_output=True, encoding="utf-8", check=True)
    features, inside = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    rows = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    found: dict[tuple[str, int], list[loads.Found]] = {}
    many: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        servers = start(stack, project)
        ready = {name: features if "scikit" in name or "mlflow" in name else rows for name in servers}
        for name, (url, wrap) in servers.items():
            status, text = loads.ask(url, wrap(ready[name][0]))
            if status != 200:
                sys.exit(f"{name} answers {status}: {text[:500]!r}")
            loads.wrk(url, [wrap(row) for row in ready[name]], 4, 1)  # warms up
        for turn in range(ROUNDS):
            for connections in CONNECTIONS:
                for name, (url, wrap) in servers.items():
                    asked = loads.wrk(url, [wrap(row) for row in ready[name]], connections, SECONDS)
                    found.setdefault((name, connections), []).append(asked)
                    print(turn, connections, name, asked, flush=True)
            for number in MANY:
                for name in (OURS, FASTAPI, BARE):
                    asked = loads.wrk(servers[name][0], [rows * (number // len(rows))], 2, SECONDS)
                    many.setdefault((name, number), []).append(asked.rate * number)
                    print(turn, number, name, asked, flush=True)
    print(ratios(found, many))
    readme = HERE / "README.md"
    loads.replace(readme, "servers", table(found, list(servers), inside[0]))
    loads.replace(readme, "rows", batches(many, [OURS, FASTAPI, BARE], inside[1:]))
    rates = {key: statistics.median(one.rate for one in tries) for key, tries in found.items()}
    (HERE / "servers.svg").write_text(plot(rates, list(servers), inside[0][0]), encoding="utf-8")


def table(found: dict[tuple[str, int], list[loads.Found]], names: list[str], inside: list[float]) -> str:
    """Return requests a second, latency and errors, one server a line."""
    heads = [f"{connections} connection{'s' * (connections > 1)}" for connections in CONNECTIONS]
    lines = ["| requests/s; p50, p99 in ms | " + " | ".join(heads) + " | errors |", "| --- " * 5 + "|"]
    for name in names:
        cells, errors = [], 0
        for connections in CONNECTIONS:
            tries = found[name, connections]
            rate, p50, p99 = (statistics.median(getattr(one, key) for one in tries) for key in ("rate", "p50", "p99"))
            errors += sum(one.refused + one.broken for one in tries)
            cells.append(f"{rate:,.0f}; {shown(p50)}, {shown(p99)}")
        lines.append(f"| {name} | {' | '.join(cells)} | {errors} |")
    rate, p50, p99 = inside
    lines.append(f"| ours in process, without HTTP | {rate:,.0f}; {shown(p50)}, {shown(p99)} | | | |")
    return "\n".join(lines)


def ratios(found: dict[tuple[str, int], list[loads.Found]], many: dict[tuple[str, int], list[float]]) -> str:
    """Return the rate of our service as a multiple of FastAPI's and a share of the bare limit; of two workers, too."""
    rates = {key: statistics.median(one.rate for one in tries) for key, tries in found.items()}
    lines = [f"{connections} connections, 1 row: {shares(rates, connections)}" for connections in CONNECTIONS]
    lines += [f"{n} connections, two workers: {rates[PAIR, n] / rates[OURS, n]:.2f} x one" for n in CONNECTIONS]
    rates = {key: statistics.median(tries) for key, tries in many.items()}
    return "\n".join([*lines, *(f"{number:,} rows a request: {shares(rates, number)}" for number in MANY)])


def shares(rates: dict[tuple[str, int], float], case: int) -> str:
    """Return the two ratios of one case."""
    ours = rates[OURS, case]
    return f"{ours / rates[FASTAPI, case]:.2f} x FastAPI with ONNX, {ours / rates[BARE, case]:.0%} of the bare limit"


def batches(many: dict[tuple[str, int], list[float]], names: list[str], inside: list[list[float]]) -> str:
    """Return rows a second, by rows in one request."""
    lines = ["| rows/s | " + " | ".join(f"{number:,} rows" for number in MANY) + " |", "| --- " * 4 + "|"]
    for name in names:
        cells = [f"{statistics.median(many[name, number]):,.0f}" for number in MANY]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    cells = [f"{one[0] * number:,.0f}" for one, number in zip(inside, MANY, strict=True)]
    return "\n".join([*lines, f"| ours in process, without HTTP | {' | '.join(cells)} |"])


def shown(milliseconds: float) -> str:
    """Return a time with two digits that count."""
    return f"{milliseconds:,.{max(0, 1 - math.floor(math.log10(milliseconds)))}f}"


def plot(rates: dict[tuple[str, int], float], names: list[str], inside: float) -> str:
    """Return bars of requests a second, on a logarithmic scale, as SVG."""
    left, wide, bar, gap = 180, 480, 14, 12
    most = 10 ** math.ceil(math.log10(max(*rates.values(), inside)))
    scale = wide / math.log10(most)
    parts, y = [], 34
    for step in range(int(math.log10(most)) + 1):
        x = left + step * scale
        parts.append(f'<path d="M{x:.0f} 28V{34 + len(names) * (3 * bar + gap)}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.0f}" y="22" text-anchor="middle">{10**step:,}</text>')
    for name in names:
        parts.append(f'<text x="{left - 8}" y="{y + 1.5 * bar + 4:.0f}" text-anchor="end">{name}</text>')
        for connections in CONNECTIONS:
            rate = rates[name, connections]
            length = math.log10(max(rate, 1)) * scale
            size = f'width="{length:.0f}" height="{bar - 2}" fill="{COLOURS[connections]}"'
            parts.append(f'<rect x="{left}" y="{y}" {size}/>')
            label = f"{rate:,.0f} ({connections})" if name == names[0] else f"{rate:,.0f}"
            parts.append(f'<text x="{left + length + 4:.0f}" y="{y + bar - 4}">{label}</text>')
            y += bar
        y += gap
    caption = "requests a second, one row each, one process (in brackets: connections); logarithmic"
    parts.append(f'<text x="{left}" y="{y + 14}">{caption}</text>')
    box = f'viewBox="0 0 {left + wide + 90} {y + 26}" font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *parts,
    ]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
