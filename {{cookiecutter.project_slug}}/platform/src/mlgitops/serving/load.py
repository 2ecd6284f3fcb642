"""Load test: callers that send golden rows to a service at the same time, and what that does to its latency."""

import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ..common import files
from ..common.errors import ProjectError
from ..model.scorer import read_manifest
from .client import Client
from .smoke import running

CALLERS, SECONDS = 8, 10
OK, OVERLOADED = 200, 503


@dataclass
class Answers:
    """The responses to one caller, or to all: milliseconds of those with a prediction, and the number per status."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)  # 0: no answer

    def add(self, other: "Answers") -> None:
        """Add the answers to another caller."""
        self.milliseconds += other.milliseconds
        self.statuses += other.statuses

    @property
    def failed(self) -> int:
        """The number of requests without a prediction."""
        return self.statuses.total() - self.statuses[OK]

    def quantile(self, share: float) -> float:
        """Return the latency, in milliseconds, within which that share of the predictions arrived."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def load(url: str, rows: Sequence[Any], callers: int, seconds: float) -> tuple[Answers, float]:
    """Return the answers to *callers* that send *rows* one after the other for *seconds*, and how long it took."""
    bodies, total, deadline = [json.dumps(row) for row in rows], Answers(), time.monotonic() + seconds
    answers = [Answers() for _ in range(callers)]
    threads = [
        threading.Thread(target=_call, args=(Client(url), bodies[number:] + bodies[:number], deadline, own))
        for number, own in enumerate(answers)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread, own in zip(threads, answers, strict=True):
        thread.join()
        total.add(own)
    return total, time.monotonic() - started


def _call(client: Client, bodies: Sequence[str], deadline: float, answers: Answers) -> None:
    number = 0
    while time.monotonic() < deadline:
        started = time.perf_counter()
        status = client.status(bodies[number % len(bodies)])
        answers.statuses[status] += 1
        if status == OK:
            answers.milliseconds.append((time.perf_counter() - started) * 1000)
        number += 1
    client.close()


def page(answers: Answers, seconds: float, callers: int) -> str:
    """Return the result for a terminal."""
    done = len(answers.milliseconds)
    lines = [f"{callers} callers, {seconds:.1f} s: {done:,} predictions, {done / seconds:,.0f} a second"]
    if done:
        mean, largest = statistics.fmean(answers.milliseconds), max(answers.milliseconds)
        named = ", ".join(f"{share:.0%} within {answers.quantile(share):.1f} ms" for share in (0.5, 0.95, 0.99))
        lines.append(f"{named}; mean {mean:.1f} ms, longest {largest:.1f} ms")
    for status, count in sorted(answers.statuses.items()):
        if status != OK:
            words = {0: "without an answer", OVERLOADED: "refused with 503: more callers than it can serve"}
            lines.append(f"{count:,} requests {words.get(status, f'answered with status {status}')}")
    return "\n".join(lines)


@click.command()
@click.argument("model", type=click.Path(path_type=Path), default="models/export")
@click.option("--url", help="URL of a running service; by default, one is started and stopped.")
@click.option("--callers", type=click.IntRange(1, 1000), default=CALLERS, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=SECONDS, show_default=True)
@click.option("--max-ms", type=click.FloatRange(0), help="Fail if 99 % of the predictions take longer.")
def main(model: Path, url: str | None, callers: int, seconds: float, max_ms: float | None) -> None:
    """Send the golden rows of MODEL to a service by several callers at once, and print rate and latency.

    The exit code is 1 if a request has no prediction as its answer, or if --max-ms is exceeded.
    """
    read_manifest(model)
    rows = files.read_json(model / "golden.json")["rows"]
    if url:
        answers, took = load(url, rows, callers, seconds)
    else:
        with running(model) as client:
            answers, took = load(client.url, rows, callers, seconds)
    click.echo(page(answers, took, callers))
    if answers.failed:
        raise ProjectError(f"{answers.failed:,} of {answers.statuses.total():,} requests have no prediction")
    if max_ms is not None and answers.quantile(0.99) > max_ms:
        raise ProjectError(f"99 % of the predictions take {answers.quantile(0.99):.1f} ms, more than {max_ms:g} ms")
