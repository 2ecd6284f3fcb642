"""Measures processor time and peak memory of the stages on large tables, and checks that memory stays below a gigabyte.

    python benchmarks/size.py PROJECT [short | long | wide]

PROJECT is a generated project with its environment; it stays as it is. Prints a table in Markdown. The model is learned
from the first part of the train rows, since train holds what it learns from in memory.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPES = {"short": (2_000_000, 12), "wide": (100_000, 500), "long": (20_000_000, 12)}
LIMIT = 1000  # megabytes
WRITE = """
import sys, numpy as np, pyarrow as pa, pyarrow.csv
path, count, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
words = np.array([f"{kind} {n}" for kind in ("red", "green", "blue") for n in range(10)])
chunk, writer, middle = min(500_000, (1 << 23) // width), None, 0.0
for start in range(0, count, chunk):
    rows = np.arange(start, min(start + chunk, count))
    columns = {"order id": [f"o-{row:09d}" for row in rows], "moment": np.datetime64("2010-01-01", "s") + rows * 20}
    total = np.zeros(len(rows))
    for n in range(width - 3):
        if n % 3 == 2:
            columns[f"kind {n}"] = words[random.integers(0, 2 + n % 28, len(rows))]
        else:
            values = random.normal(100, 20, len(rows)).round(2 * (n % 3))
            total += values
            columns[f"number {n}"] = pa.array(values, mask=random.random(len(rows)) < 0.03)
    total += random.normal(0, total.std(), len(rows))
    middle = middle or np.median(total)
    columns["late"] = np.where(total > middle, "yes", "no")
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    writer = writer or pa.csv.CSVWriter(path, table.schema)
    writer.write(table)
writer.close()
"""
FIRST = """
import sys, pyarrow as pa, pyarrow.parquet as pq
source, target, count = sys.argv[1:]
pq.write_table(pa.Table.from_batches([next(pq.ParquetFile(source).iter_batches(int(count)))]), target)
"""
CALL = "from mlgitops.cli import main; main()"
STAGES = {
    "ingest": "data/raw.parquet reports/ingest.json",
    "validate": "data/raw.parquet reports/validation.json",
    "split": "data/raw.parquet data/train.parquet data/test.parquet",
    "train": "data/first.parquet models/trained.onnx reports/cross_validation.json",
    "evaluate": "data/test.parquet models/trained.onnx reports/metrics.json reports/plots "
    "--cross-validation reports/cross_validation.json",
    "export": "models/trained.onnx data/test.parquet reports/metrics.json reports/plots models/export "
    "--train data/train.parquet",  # with the profile of both parts
}
TRAINED_ROWS, TRAINED_VALUES = 100_000, 1 << 21


def contract(width: int, time: bool) -> str:
    """Return the contract of a table of WRITE."""
    columns = [
        "order id: {type: text}",
        "moment: {type: datetime}",
        'late: {type: category, categories: ["no", "yes"]}',
    ]
    for n in range(width - 3):
        name, kind = ("kind", "category") if n % 3 == 2 else ("number", "number")
        columns.append(f"{name} {n}: {{type: {kind}, missing: true}}")
    lines = ["task: binary", "target: late", "key: [order id]", "min_rows: 1000", *(["time: moment"] if time else [])]
    return "\n".join([*lines, "columns:", *(f"  {column}" for column in columns)]) + "\n"


def prepare(origin: Path, project: Path, source: Path, width: int, time: bool) -> None:
    """Copy the project without what it has made, and let it read the table *source*."""
    apart = shutil.ignore_patterns(".venv", ".git", ".store", "build", "cache", "models", "reports", "*.parquet")
    shutil.copytree(origin, project, ignore=apart, symlinks=True)
    (project / ".venv").symlink_to((origin / ".venv").resolve())
    (project / "reports").mkdir()
    (project / "models").mkdir()
    (project / "contract.yaml").write_text(contract(width, time), encoding="utf-8")
    (features,) = project.glob("src/*/features.py")
    features.write_text('"""No features."""\n', encoding="utf-8")
    params = (project / "params.yaml").read_text(encoding="utf-8").splitlines()
    lines = [f"  source: {source}" if line.startswith("  source:") else line for line in params]
    (project / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measured(project: Path, *words: str) -> tuple[float, float]:
    """Run Python with *words* in the project; return seconds of processor time, and the largest memory in MB."""
    environment = os.environ | {
        "PATH": f"{project / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{project / 'platform/src'}:{project / 'src'}",
        "OMP_NUM_THREADS": "1",
        "MLFLOW_TRACKING_URI": f"sqlite:///{project / 'mlflow.db'}",
    }
    with tempfile.TemporaryFile("w+") as output:
        python = [str(project / ".venv/bin/python"), *words]
        process = subprocess.Popen(python, cwd=project, env=environment, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read()
    if status:
        sys.exit(f"{' '.join(words)[:200]}\n{text[-3000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def main() -> None:
    """Print a line for each table and stage."""
    origin, above = Path(sys.argv[1]).resolve(), []
    print("| table | stage | processor time | largest memory |\n| --- | --- | ---: | ---: |")
    for name in sys.argv[2:] or SHAPES:
        count, width = SHAPES[name]
        with tempfile.TemporaryDirectory() as folder:
            project, source = Path(folder) / origin.name, Path(folder) / "large.csv"
            prepare(origin, project, source, width, time=True)
            measured(project, "-c", WRITE, str(source), str(count), str(width))
            shape = f"{count:,} rows, {width} columns, {source.stat().st_size / 1e6:,.0f} MB of text"
            for stage, words in STAGES.items():
                if stage == "train":
                    rows = min(TRAINED_ROWS, TRAINED_VALUES // width)
                    measured(project, "-c", FIRST, "data/train.parquet", "data/first.parquet", str(rows))
                seconds, most = measured(project, "-c", CALL, stage, *words.split())
                source.unlink(missing_ok=True)  # after ingest, nothing reads it
                print(f"| {shape} | {stage} | {seconds:.0f} s | {most:,.0f} MB |", flush=True)
                shape = ""
                if most > LIMIT and stage != "train":
                    above.append(f"{name}: {stage}")
    sys.exit(f"more than {LIMIT} MB: {', '.join(above)}" if above else 0)


if __name__ == "__main__":
    main()
