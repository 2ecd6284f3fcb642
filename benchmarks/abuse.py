"""Sends the service what it must refuse, in a cgroup with the memory limit of deploy/, and writes README.md beside it.

    python benchmarks/abuse.py PROJECT

PROJECT is a generated project whose pipeline has run. Root of a machine with cgroups is needed, of version 1 or 2.
Per body of 9.9 MB: the response, the memory that the service took beyond that of the idle one, and the longest that
`/livez` took to answer on another connection meanwhile.
"""

import contextlib
import importlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import loads

HERE = Path(__file__).parent
LIMIT = 512 * 1024**2  # as in deploy/base/deployment.yaml
SIZE = 9_900_000  # the service takes 10 MB
HALF = 1500  # connections that send half of their headers
CGROUPS = Path("/sys/fs/cgroup")
VERSION_1 = (CGROUPS / "memory").is_dir()
LIMIT_FILE, USAGE_FILE = (
    ("memory.limit_in_bytes", "memory.usage_in_bytes") if VERSION_1 else ("memory.max", "memory.current")
)


@contextmanager
def cgroup() -> Iterator[Path]:
    """Make a cgroup with the limit, which exists until the block ends."""
    group = (CGROUPS / "memory" if VERSION_1 else CGROUPS) / f"scoring-{os.getpid()}"
    group.mkdir()
    (group / LIMIT_FILE).write_text(str(LIMIT))
    try:
        yield group
    finally:
        group.rmdir()


class Watch(threading.Thread):
    """Asks for /livez all the time, and looks at the memory of the service."""

    def __init__(self, port: int, group: Path) -> None:
        """Start to watch."""
        super().__init__(daemon=True)
        self._port, self._group, self._over = port, group, threading.Event()
        self.before = self.most = self._usage()
        self.slowest = 0.0
        self.start()

    def _usage(self) -> float:
        return int((self._group / USAGE_FILE).read_text()) / 1e6

    def run(self) -> None:
        """Ask and look until told to stop."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._over.wait(0.002):
            begun = time.perf_counter()
            with contextlib.suppress(OSError, HTTPException):
                connection.request("GET", "/livez")
                connection.getresponse().read()
            self.slowest = max(self.slowest, (time.perf_counter() - begun) * 1000)
            self.most = max(self.most, self._usage())

    def stop(self) -> str:
        """Stop watching, and return what was seen as cells of a table."""
        self._over.set()
        self.join()
        return f"{self.most - self.before:+.0f} | {self.slowest:.0f}"


def send(port: int, body: bytes) -> str:
    """Return the status of the response to *body*, or why there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        return str(connection.getresponse().status)
    except (OSError, HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def header(port: int) -> str:
    """Return the status of the response to a header of 20 MB."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000_000)
        return connection.recv(100).split(b" ")[1].decode()
    return "closed"


def half(port: int) -> str:
    """Send half of the headers on many connections; return how many were closed, and when."""
    begun = time.monotonic()
    callers = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(HALF)]
    for caller in callers:
        caller.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nX: ")
    closed = sum(b" 408 " in caller.recv(1000) for caller in callers)
    return f"{closed} × 408 after {time.monotonic() - begun:.0f} s"


def main() -> None:
    """Send all of it, and write the table."""
    project = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(project / "platform/tests"))
    shapes = importlib.import_module("helpers.bodies").SHAPES
    rows = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    good = json.dumps(rows).encode()[1:-1]
    port = loads.free_port()
    inside = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"']
    command = [str(project / ".venv/bin/python"), "-m", "mlgitops.serving.serve", f"--port={port}"]
    lines = ["| sent | response | MB | slowest `/livez`, ms |", "| --- | --- | ---: | ---: |"]
    bodies = {name: (lambda make=make: make(rows[0], SIZE)) for name, make in shapes.items()}
    bodies["good rows"] = lambda: b"[" + b",".join([good] * (SIZE // len(good))) + b"]"
    others = {"a header of 20 MB": header, f"half of the headers, {HALF:,} times": half}
    with cgroup() as group, loads.server([*inside, str(group), *command], project, f"http://127.0.0.1:{port}/readyz"):
        loads.wrk(f"http://127.0.0.1:{port}/predict", rows, 4, 2)
        send(port, b"[" + good + b"]")
        for name in [*bodies, *others]:
            body = bodies[name]() if name in bodies else b""  # made before anybody looks at the clock
            watch = Watch(port, group)
            response = others[name](port) if name in others else send(port, body)
            lines.append(f"| {name} | {response} | {watch.stop()} |")
            print(lines[-1], flush=True)
    loads.replace(HERE / "README.md", "abuse", "\n".join(lines))


if __name__ == "__main__":
    main()
