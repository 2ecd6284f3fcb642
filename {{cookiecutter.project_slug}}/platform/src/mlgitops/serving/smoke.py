"""Shows that the model answers as a service what it answered when it was exported."""

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
from ..model.scorer import difference, read_manifest
from .client import PATIENCE, Client

TIMED = 100  # requests


def check(client: Client, golden: dict[str, Any]) -> list[float]:
    """Return the seconds that single rows took; raises ProjectError where an answer is not the golden one."""
    rows, seconds, answers = golden["rows"], [], []
    for number in range(max(TIMED, len(rows))):
        begun = time.perf_counter()
        answer = client.predict(rows[number % len(rows)])
        seconds.append(time.perf_counter() - begun)
        answers.append(answer)
    for way, given in (("one by one", answers[: len(rows)]), ("together", client.predict(rows))):
        wrong = difference(golden["answers"], given)
        if wrong:
            raise ProjectError(f"{client.url}: golden rows, sent {way}: {wrong}")
    return seconds


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(model: Path) -> Iterator[Client]:
    """Start a service with *model*, give a client of it, and stop it; raises ProjectError with its log."""
    port = free_port()
    command = [sys.executable, "-m", f"{__package__}.serve", "--model", str(model), "--port", str(port)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            client = Client(f"http://127.0.0.1:{port}")
            client.wait(process=process)
            yield client
            client.close()  # or the service waits for it
            code = _stop(process)
            if code and os.name == "posix":  # elsewhere it cannot be asked to end
                raise ProjectError(f"the service ended with exit code {code}")
        except ProjectError as error:
            _stop(process)
            log.seek(0)
            raise ProjectError(f"{error}\nits log:\n{log.read()[-5000:]}") from error
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> int:
    """Ask the service to end, and return its exit code; one that does not end is killed."""
    process.terminate()
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def report(client: Client, golden: dict[str, Any]) -> None:
    """Check the golden rows and print what was found, with one request to try oneself."""
    seconds = check(client, golden)
    quoted = shlex.quote(json.dumps(golden["rows"][0], ensure_ascii=False))
    click.echo(f"{len(golden['rows'])} golden rows, one by one and together: answered as when the model was exported")
    click.echo(f"one row takes {statistics.median(seconds) * 1000:.1f} ms (median of {len(seconds)})")
    click.echo(f"$ curl {client.url}/predict -H 'Content-Type: application/json' -d {quoted}")
    click.echo(json.dumps(client.predict(golden["rows"][0]), ensure_ascii=False))


@click.command()
@click.argument("model", type=click.Path(path_type=Path), default="models/export")
@click.option("--url", help="A running service; without it, one is started and stopped.")
def main(model: Path, url: str | None) -> None:
    """Send the golden rows of MODEL to a service and compare the answers."""
    read_manifest(model)
    golden = files.read_json(model / "golden.json")
    if url:
        client = Client(url)
        report(client, golden)
        click.echo(f"look at {client.url}")
        return
    begun = time.monotonic()
    with running(model) as client:
        click.echo(f"the service is ready after {time.monotonic() - begun:.1f} s")
        report(client, golden)
    click.echo("it is stopped; to look at it: make serve, then http://127.0.0.1:3000")
