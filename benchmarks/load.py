"""Treats the service badly and writes how it takes that into README.md beside it.

    python benchmarks/load.py PROJECT [MINUTES]

PROJECT is a generated project whose pipeline has run; MINUTES is how long the soak lasts, 10 unless said. While others
misbehave, one well-behaved caller asks for one row after the other: its latency is what counts. Debian's `wrk` asks.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import loads

HERE = Path(__file__).parent
WORKER = """
import socket, sys
from _bentoml_impl.worker.service import main
listening = socket.create_server(("127.0.0.1", int(sys.argv[2].partition("=")[2])), backlog=2048)
main([sys.argv[1], "--fd", str(listening.detach()), "--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "20"])
"""  # as the image runs it: without BentoML's supervisor
HEAD = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


class Probe(threading.Thread):
    """A caller that asks for one row after the other on one connection, and notes status and milliseconds.

    Sent away, it comes back when it was told to; `wrk` does not.
    """

    def __init__(self, port: int, body: bytes) -> None:
        """Start asking."""
        super().__init__(daemon=True)
        self._port, self._body, self._over = port, body, threading.Event()
        self.found: list[tuple[str, float]] = []
        self.start()

    def run(self) -> None:
        """Ask until told to stop or until nobody listens."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._over.is_set():
            begun = time.perf_counter()
            try:
                if connection.sock is None:
                    connection.connect()
            except OSError:
                self.found.append(("not connected", 0))
                return
            try:
                connection.request("POST", "/predict", self._body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                whole = answer.read()
                status = str(answer.status) if whole else "empty"
            except (OSError, HTTPException):
                connection.close()
                status = "cut off"
            self.found.append((status, (time.perf_counter() - begun) * 1000))
            if status == "503":
                self._over.wait(float(answer.headers["Retry-After"]))

    def stop(self) -> "Probe":
        """Stop asking."""
        self._over.set()
        self.join()
        return self

    def said(self, status: str = "200") -> str:
        """Return median and 99th percentile of the answers with this status."""
        times = sorted(taken for one, taken in self.found if one == status)
        if not times:
            return "none"
        return f"p50 {statistics.median(times):.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms"

    def counted(self) -> str:
        """Return how often it got which status."""
        return ", ".join(
            f"{number:,} × {status}" for status, number in sorted(Counter(s for s, _ in self.found).items())
        )


class Bench:
    """One project, its rows, and the lines of the table."""

    def __init__(self, project: Path) -> None:
        """Read the rows."""
        golden = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))
        self.project, self.rows = project, golden["rows"]
        self.body = json.dumps(self.rows[0]).encode()
        self.lines = ["| load | result |", "| --- | --- |"]

    def note(self, what: str, found: str) -> None:
        """Add a line."""
        print(what, "|", found, flush=True)
        self.lines.append(f"| {what} | {found} |")

    @contextmanager
    def service(self, workers: int = 1) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
        """Run the service."""
        port, python = loads.free_port(), str(self.project / ".venv/bin/python")
        command = [python, "-c", WORKER, "mlgitops.serving.bento:Scoring"]
        if workers > 1:
            command = [python, "-m", "mlgitops.serving.serve", f"--workers={workers}"]
        ready = f"http://127.0.0.1:{port}/readyz"
        with loads.server([*command, f"--port={port}"], self.project, ready) as process:
            loads.wrk(f"http://127.0.0.1:{port}/predict", self.rows, 4, 1)
            yield port, process

    def during(self, port: int, harm: Callable[[], Any], pause: float = 0) -> tuple[Probe, Any]:
        """Return what the well-behaved caller saw while *harm* was done, and what *harm* returned."""
        time.sleep(pause)
        probe = Probe(port, self.body)
        harmed = harm()
        return probe.stop(), harmed


def memory(pid: int) -> float:
    """Return the proportional set size of a process and its children, in MB."""
    whole = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="utf-8")
            whole += int(text.partition("\nPss:")[2].split()[0])
    return whole * 1024 / 1e6


def tree(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [one for child in (task / "children").read_text().split() for one in tree(int(child))]
    return found


def workers(pid: int) -> list[int]:
    """Return the processes that answer."""
    names = {one: Path(f"/proc/{one}/cmdline") for one in tree(pid)}
    return [one for one, path in names.items() if path.exists() and b"worker.service" in path.read_bytes()]


def overload(bench: Bench) -> None:
    """Ask on far more connections than the 128 requests that may wait."""
    with bench.service() as (port, _):
        url = f"http://127.0.0.1:{port}/predict"
        for connections in (64, 2000):
            probe, found = bench.during(port, lambda: loads.wrk(url, bench.rows, connections, 5))  # noqa: B023  # called here
            rate = f"{found.rate:,.0f} answers/s, {found.refused / found.seconds:,.0f} × 503/s, {found.broken} broken"
            bench.note(
                f"{connections:,} connections send requests at once",
                f"{rate}; all: p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms",
            )
            refused = f"; its 503: {probe.said('503')}" if any(s == "503" for s, _ in probe.found) else ""
            bench.note("… and one more client gets", f"200: {probe.said()}{refused}")


def slow_and_broken(bench: Bench) -> None:
    """Send bodies byte by byte, or half of one and no more."""
    with bench.service() as (port, _):
        quiet, _ = bench.during(port, lambda: time.sleep(3))
        bench.note("one client alone", quiet.said())

        def drip() -> str:
            begun = time.monotonic()
            callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
            for one in callers:
                one.sendall(HEAD.format(1000).encode())
            ended: list[float] = []
            while len(ended) < len(callers) and time.monotonic() - begun < 30:
                for one in callers:
                    if one.fileno() >= 0 and not _drop(one):
                        ended.append(time.monotonic() - begun)
                        one.close()
                time.sleep(0.5)
            return f"{len(ended)} of 200 cut off after {min(ended, default=0):.0f} to {max(ended, default=0):.0f} s"

        probe, cut = bench.during(port, drip)
        bench.note("… while 200 send a byte every half second", f"{probe.said()}; {cut}")

        def hang_up() -> int:
            until, number = time.monotonic() + 3, 0
            while time.monotonic() < until:
                with socket.create_connection(("127.0.0.1", port)) as one:
                    one.sendall(HEAD.format(1000).encode() + b"{" * 500)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
                number += 1
            return number

        probe, number = bench.during(port, hang_up)
        bench.note(f"… while {number:,} hang up in the middle of a body", f"{probe.said()}; {probe.counted()}")


def _drop(one: socket.socket) -> bool:
    """Send a byte; say whether the connection is still there."""
    try:
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            if one.recv(4096):
                return False
        one.send(b" ")
    except OSError:
        return False
    return True


def huge(bench: Bench) -> None:
    """Send bodies of 500 MB, announced or not."""
    with bench.service() as (port, process):
        before, most = memory(process.pid), 0.0

        def send(announced: bool) -> None:
            kind = "Content-Length: 500000000" if announced else "Transfer-Encoding: chunked"
            text = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{kind}\r\n\r\n"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as one:
                one.sendall(text.encode())
                for _ in range(500):
                    one.sendall(b" " * 1_000_000 if announced else b"f4240\r\n" + b" " * 1_000_000 + b"\r\n")
                one.sendall(b"" if announced else b"0\r\n\r\n")
                statuses.append(one.recv(100).split(b" ")[1].decode())

        def attack() -> None:
            nonlocal most
            senders = [threading.Thread(target=send, args=(turn % 2 == 0,)) for turn in range(4)]
            for one in senders:
                one.start()
            while any(one.is_alive() for one in senders):
                most = max(most, memory(process.pid))
                time.sleep(0.05)

        statuses: list[str] = []
        probe, _ = bench.during(port, attack)
        told = ", ".join(f"{number} × {status}" for status, number in Counter(statuses).items())
        bench.note(
            "… while 4 send 500 MB each",
            f"{probe.said()}; their responses: {told}; {before:.0f} MB, at most {most:.0f} MB",
        )


def killed(bench: Bench) -> None:
    """Kill one of two workers under load."""
    with bench.service(2) as (port, process):
        first = workers(process.pid)

        def kill() -> str:
            time.sleep(1)
            os.kill(first[0], signal.SIGKILL)
            begun = time.monotonic()
            while len(workers(process.pid)) < len(first) or first[0] in workers(process.pid):
                time.sleep(0.05)
            back = time.monotonic() - begun
            time.sleep(3)
            return f"replaced after {back:.1f} s"

        probes = [Probe(port, bench.body) for _ in range(15)]
        probe, back = bench.during(port, kill)
        for one in probes:
            probe.found += one.stop().found
        bench.note("one of two workers is killed while 16 clients send requests", f"{back}; {probe.counted()}")


def told_to_end(bench: Bench) -> None:
    """Tell the service to end while 16 callers ask."""
    statuses: Counter[str] = Counter()
    for _ in range(5):
        with bench.service() as (port, process):
            probes = [Probe(port, bench.body) for _ in range(16)]
            time.sleep(1)
            process.terminate()
            process.wait(30)
            for one in probes:
                statuses.update(status for status, _ in one.stop().found)
    told = ", ".join(f"{number:,} × {status}" for status, number in sorted(statuses.items()))
    bench.note("shut down while 16 clients send requests, 5 times", told)


def soak(bench: Bench, minutes: float) -> None:
    """Ask for long, and look at the memory."""
    with bench.service() as (port, process):
        sizes: list[float] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(5):
                sizes.append(memory(process.pid))

        looking = threading.Thread(target=look)
        looking.start()
        found = loads.wrk(f"http://127.0.0.1:{port}/predict", bench.rows, 16, int(minutes * 60))
        over.set()
        looking.join()
        parts = [sizes[len(sizes) * turn // 4] for turn in range(4)] + [sizes[-1]]
        grown = " → ".join(f"{size:.0f}" for size in parts)
        bad = f"{found.refused + found.broken} errors"
        bench.note(f"{found.requests:,} requests in {minutes:g} minutes", f"{bad}; memory at each quarter {grown} MB")


def main() -> None:
    """Do all of it, and write the table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    bench = Bench(Path(sys.argv[1]).resolve())
    for one in (overload, slow_and_broken, huge, killed, told_to_end):
        one(bench)
    soak(bench, float(sys.argv[2]) if len(sys.argv) > 2 else 10)
    loads.replace(HERE / "README.md", "load", "\n".join(bench.lines))


if __name__ == "__main__":
    main()
