"""Measures time and peak memory of adoption and of the first stages on large tables, against pandas.

    python benchmarks/size.py PROJECT [long | wide]

PROJECT is a generated project with its environment. Prints a table in Markdown.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPES = {"long": (5_000_000, 12), "wide": (100_000, 500)}
WRITE = """
import sys, numpy as np, pandas as pd
path, count, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
words = np.array([f"{kind} {n}" for kind in ("red", "green", "blue") for n in range(10)])
for start in range(0, count, 500_000):
    rows = np.arange(start, min(start + 500_000, count))
    columns = {"order id": [f"o-{row:09d}" for row in rows]}
    columns["moment"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rows * 20, unit="s")
    total = np.zeros(len(rows))
    for n in range(width - 3):
        if n % 3 == 2:
            columns[f"kind {n}"] = words[random.integers(0, 2 + n % 28, len(rows))]
        else:
            cells = random.normal(100, 20, len(rows)).round(2 * (n % 3))
            total += cells
            columns[f"number {n}"] = np.where(random.random(len(rows)) < 0.03, np.nan, cells)
    total += random.normal(0, total.std(), len(rows))
    columns["late"] = np.where(total > np.median(total), "yes", "no")
    pd.DataFrame(columns).to_csv(path, index=False, header=not start, mode="a" if start else "w")
"""
PANDAS = """
import sys, pandas as pd
print(pd.read_csv(sys.argv[1]).memory_usage(deep=True).sum() / 1e6)
"""


def measured(project: Path, *words: str) -> tuple[float, float, str]:
    """Run Python with *words* in the project; return seconds, the largest memory in MB, and what it printed last."""
    environment = os.environ | {
        "PATH": f"{project / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(project / "src"),
        "OMP_NUM_THREADS": "1",
    }
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [str(project / ".venv/bin/python"), *words], cwd=project, env=environment, stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        output.seek(0)
        said = output.read()
    if status:
        sys.exit(f"{' '.join(words)[:200]}\n{said[-3000:]}")
    return taken, used.ru_maxrss / 1000, said.strip().rsplit("\n", 1)[-1]


def main() -> None:
    """Print a line for each table and step."""
    origin = Path(sys.argv[1]).resolve()
    print("| table | step | time | largest memory | of the table in pandas |\n| --- | --- | ---: | ---: | ---: |")
    for name in sys.argv[2:] or SHAPES:
        count, width = SHAPES[name]
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder) / origin.name
            made = shutil.ignore_patterns(".venv", ".store", "cache", "models", "reports", "*.parquet")
            shutil.copytree(origin, project, ignore=made, symlinks=True)
            (project / ".venv").symlink_to((origin / ".venv").resolve())
            source = str(Path(folder) / "large.csv")
            measured(project, "-c", WRITE, source, str(count), str(width))
            reading, most, told = measured(project, "-c", PANDAS, source)
            size = float(told)
            shape = f"{count:,} rows, {width} columns: {Path(source).stat().st_size / 1e6:,.0f} MB of text"
            print(f"| {shape} | `pandas.read_csv` | {reading:.0f} s | {most:,.0f} MB | {size:,.0f} MB in memory |")
            steps = {"adopt": ("adopt", source, "--target", "late")}
            steps["ingest"] = ("ingest", "data/raw.parquet")
            steps["validate"] = ("validate", "data/raw.parquet", "reports/validation.json")
            steps["split"] = ("split", "data/raw.parquet", "data/train.parquet", "data/test.parquet")
            for step, command in steps.items():
                (project / "reports").mkdir(exist_ok=True)
                taken, most, _ = measured(project, ".venv/bin/flight_delays", *command)
                print(f"| | {step} | {taken:.0f} s | {most:,.0f} MB | {most / size:.0%} |", flush=True)


if __name__ == "__main__":
    main()
