"""Scores a table as `make score` does, by ONNX runtime alone, MLflow's pyfunc, and pandas with scikit-learn.

    PROJECT/.venv/bin/python benchmarks/cold.py PROJECT [ROWS]

PROJECT is a generated project whose pipeline has run; its table is repeated to ROWS rows (a million by default). Each
way runs in a process of its own. ONNX runtime gets features that are ready, in as many threads as there are cores; the
others get the table. The slow ones score fewer rows, and their rate is of these.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHUNK = 10_000
FEWER = {"mlflow pyfunc": 10, "pandas, scikit-learn": 4}  # score this part of the rows


def table(project: Path, rows: int, path: Path) -> None:
    """Write the project's table, repeated to *rows* rows, to *path*."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from mlgitops.data.parquet import parquet_writer

    raw = pq.read_table(project / "data/raw.parquet")
    with parquet_writer(path, raw.schema) as writer:
        for start in range(0, rows, raw.num_rows):
            writer.write_table(pa.concat_tables([raw]).slice(0, min(raw.num_rows, rows - start)))


def ours(path: Path, _rows: int) -> tuple[int, float]:
    """Score the file into another file, as `make score` does."""
    from mlgitops.batch import score
    from mlgitops.batch.stamp import Stamp
    from mlgitops.model.scorer import Scorer

    scorer, begun = Scorer(Path("models/export")), time.perf_counter()
    count = score.run(path, path.with_name("scored.parquet"), scorer, Stamp.now("1"))
    return count.rows, time.perf_counter() - begun


def onnx(path: Path, rows: int) -> tuple[int, float]:
    """Run the session alone, on features that are in memory."""
    import pyarrow.parquet as pq
    from mlgitops.batch.parts import cores
    from mlgitops.data import frame
    from mlgitops.data.encode import encode
    from mlgitops.model.scorer import Scorer

    scorer = Scorer(Path("models/export"))
    part = frame.parse(pq.read_table(path).slice(0, CHUNK).to_pandas(), scorer.contract)
    encoded = encode(frame.columns(part, scorer.contract), scorer.contract)
    features: dict[str, Any] = {name: encoded[name] for name in scorer._inputs}
    begun = time.perf_counter()
    with ThreadPoolExecutor(cores()) as threads:
        runs = [threads.submit(scorer._session.run, scorer._outputs, features) for _ in range(rows // CHUNK)]
        scored = sum(len(run.result()[0]) for run in runs)
    return scored, time.perf_counter() - begun


def pyfunc(path: Path, rows: int) -> tuple[int, float]:
    """Call the model's pyfunc with parts of the table."""
    import pyarrow.parquet as pq
    from mlgitops.registry.pyfunc import ExportedModel

    class Context:
        artifacts = {"export": "models/export"}  # noqa: RUF012  # read only

    model, scored, context = ExportedModel(), 0, Context()
    model.load_context(context)  # type: ignore[arg-type]  # all that it reads
    begun = time.perf_counter()
    for batch in pq.ParquetFile(path).iter_batches(CHUNK):
        if scored < rows:
            scored += len(model.predict(context, batch.to_pandas()))  # type: ignore[arg-type]
    return scored, time.perf_counter() - begun


def sklearn(path: Path, rows: int) -> tuple[int, float]:
    """Call the trained pipeline with parts of the table, read by pandas, and write a file."""
    import pandas as pd
    import pyarrow.parquet as pq
    import skops.io
    from mlgitops.contract.contract import Contract
    from mlgitops.data import frame
    from pipeline import saved

    file = saved(Path.cwd()) / "model.skops"
    contract, model = Contract.of_project(), skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    scored = list[pd.DataFrame]()
    begun = time.perf_counter()
    for batch in pq.ParquetFile(path).iter_batches(CHUNK):
        if sum(map(len, scored)) < rows:
            part = batch.to_pandas()
            features = frame.features(frame.parse(part, contract), contract)
            scored.append(part.assign(probability=model.predict_proba(features)[:, -1]))
    pd.concat(scored).to_parquet(path.with_name("sklearn.parquet"))
    return sum(map(len, scored)), time.perf_counter() - begun


WAYS: dict[str, Callable[[Path, int], tuple[int, float]]] = {
    "ours": ours,
    "ONNX runtime alone": onnx,
    "mlflow pyfunc": pyfunc,
    "pandas, scikit-learn": sklearn,
}


def main() -> None:
    """Measure all ways, or, called by itself, one of them."""
    project, rows = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    os.chdir(project)
    if len(sys.argv) > 3:
        before = time.process_time()
        scored, seconds = WAYS[sys.argv[3]](Path(sys.argv[4]), rows // FEWER.get(sys.argv[3], 1))
        processor, memory = time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(scored, scored / seconds, scored / processor, memory)
        return
    print(
        "| | rows/s | rows per processor second | of ONNX runtime alone | peak MB |",
        "| --- |" + " ---: |" * 4,
        sep="\n",
    )
    with tempfile.TemporaryDirectory() as folder:
        path, found = Path(folder, "rows.parquet"), dict[str, list[float]]()
        table(project, rows, path)
        for way in WAYS:
            command = [sys.executable, __file__, str(project), str(rows), way, str(path)]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
            found[way] = [float(word) for word in done.stdout.split()[-4:]]
    alone = found["ONNX runtime alone"]
    for way, (_, rate, processor, memory) in found.items():
        print(f"| {way} | {rate:,.0f} | {processor:,.0f} | {rate / alone[1]:.0%} | {memory:,.0f} |")


if __name__ == "__main__":
    main()
