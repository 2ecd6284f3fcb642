"""What the prediction log costs: processor time of a request in process, without and with the log.

    PYTHONPATH=PROJECT/platform/src python benchmarks/prediction_log.py PROJECT/models/export

It writes the table into README.md beside it.

Batches of requests with and without the log take turns in one application, with one model; the smallest time of each
counts, because other work on the machine only adds to it. The request goes through the whole ASGI application, but
through no socket: a request of the real service costs several times as much, so the share of the log is smaller there.
"""

import asyncio
import gc
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import loads
from mlgitops.model.scorer import Scorer
from mlgitops.serving import bento
from mlgitops.serving.app import Api
from mlgitops.serving.explain import Explanations
from mlgitops.serving.limits import Limits
from mlgitops.serving.log_settings import LogSettings

REQUESTS, ROUNDS = 100, 40
KEYS = {"flight": "UA1545"}  # the columns of the key that are no inputs of the model


def applications(folder: Path, kinds: dict[str, LogSettings]) -> dict[str, Api]:
    """Return the application of the service with each settings of the log; they share one model."""
    scorer, limits = Scorer(folder), Limits()
    reasons, made = Explanations(scorer, limits), {}
    for name, settings in kinds.items():
        made[name] = Api()
        made[name].start(scorer, limits, bento.lineage(scorer), {}, reasons, settings)
    gc.collect()  # as the service does once it has started
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    return made


async def seconds(api: Api, body: bytes) -> float:
    """Return the processor time of one request, in seconds, of a batch."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(message)

    started = time.process_time()
    for _ in range(REQUESTS):
        await api(scope, receive, send)
    return (time.process_time() - started) / REQUESTS


def main(folder: Path) -> None:
    """Write the processor time of a request with each kind of log into README.md."""
    row = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["rows"][0]
    body = json.dumps(KEYS | row).encode()
    scratch = Path(tempfile.mkdtemp())
    kinds = {
        "nothing": LogSettings(),
        "id, time and answer": LogSettings(folder=str(scratch / "a")),
        "also the hash of the key": LogSettings(folder=str(scratch / "b"), key="secret"),
        "also all inputs": LogSettings(folder=str(scratch / "c"), key="secret", columns=("*",)),
    }
    served = applications(folder, kinds)
    times: dict[str, list[float]] = {name: [] for name in kinds}
    try:
        for _ in range(ROUNDS):
            for name, api in served.items():
                times[name].append(asyncio.run(seconds(api, body)))
    finally:
        shutil.rmtree(scratch)
    least = min(times["nothing"])
    lines = ["| logged | µs per request | beyond no log |", "| --- | ---: | ---: |"]
    for name, values in times.items():
        more = min(values) - least
        lines.append(f"| {name} | {min(values) * 1e6:.1f} | {more * 1e6:+.1f} µs, {more / least:+.1%} |")
    loads.replace(Path(__file__).parent / "README.md", "prediction log", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
