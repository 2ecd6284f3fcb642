"""Smoke test: verifies that a service reproduces the reference predictions exported with the model."""

import json
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.synthetic import example_rows
from ..model.scorer import difference, read_manifest
from .client import TIMEOUT_SECONDS, Client

TIMED_REQUESTS = 100


def check(client: Client, golden: dict[str, Any]) -> list[float]:
    """Return the seconds that single rows took; raises ProjectError if an answer differs from the golden one."""
    rows, seconds, answers = golden["rows"], [], []
    for number in range(max(TIMED_REQUESTS, len(rows))):
        started = time.perf_counter()
        answer = client.predict(rows[number % len(rows)])
        seconds.append(time.perf_counter() - started)
        answers.append(answer)
    for mode, returned in (("one by one", answers[: len(rows)]), ("together", client.predict(rows))):
        mismatch = difference(golden["answers"], returned)
        if mismatch:
            raise ProjectError(f"{client.url}: golden rows, sent {mode}: {mismatch}")
    return seconds


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(model: Path) -> Iterator[Client]:
    """Start a service with *model*, yield a client, and stop it; raises ProjectError with the log of the service."""
    port = free_port()
    command = [sys.executable, "-m", f"{__package__}.serve", "--model", str(model), "--port", str(port)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            client = Client(f"http://127.0.0.1:{port}")
            client.wait(process=process)
            yield client
            client.close()  # else the service waits for this connection
            code = _stop(process)
            if code and os.name == "posix":  # Windows has no signal to end a process gracefully
                raise ProjectError(f"the service ended with exit code {code}")
        except ProjectError as error:
            _stop(process)
            log.seek(0)
            raise ProjectError(f"{error}\nlog of the service:\n{log.read()[-5000:]}") from error
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> int:
    """Stop the service, killing it after a timeout, and return its exit code."""
    process.terminate()
    try:
        return process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def report(client: Client, model: Path) -> None:
    """Check the golden rows of *model* and print the result, with one request to try, which is no real row."""
    golden, (example,) = files.read_json(model / "golden.json"), example_rows(Contract.load(model / "contract.yaml"), 1)
    seconds = check(client, golden)
    quoted = shlex.quote(json.dumps(example, ensure_ascii=False))
    click.echo(f"{len(golden['rows'])} golden rows, one by one and together: the reference predictions are reproduced")
    click.echo(f"one row takes {statistics.median(seconds) * 1000:.1f} ms (median of {len(seconds)})")
    click.echo(f"$ curl {client.url}/predict -H 'Content-Type: application/json' -d {quoted}")
    click.echo(json.dumps(client.predict(example), ensure_ascii=False))


@click.command()
@click.argument("model", type=click.Path(path_type=Path), default="models/export")
@click.option("--url", help="URL of a running service; by default, one is started and stopped.")
def main(model: Path, url: str | None) -> None:
    """Send the golden rows of MODEL to a service and compare the answers."""
    read_manifest(model)
    if url:
        client = Client(url)
        report(client, model)
        click.echo(f"the service runs at {client.url}")
        return
    started = time.monotonic()
    with running(model) as client:
        click.echo(f"the service is ready after {time.monotonic() - started:.1f} s")
        report(client, model)
    click.echo("the service is stopped; `make serve` starts it at http://127.0.0.1:3000")
