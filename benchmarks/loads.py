"""What the benchmarks of servers share: servers that run until a block ends, and wrk, which asks them."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Bodies are asked for in turn; what was found is written as JSON, with percentiles and errors that wrk itself rounds.
SCRIPT = """\
local bodies, turn = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
local asked = {}
function init()
  for i, body in ipairs(bodies) do asked[i] = wrk.format(nil, nil, nil, body) end
end
function request()
  turn = turn % #asked + 1
  return asked[turn]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Found:
    """What wrk found: numbers of requests, and milliseconds; *refused* have a status other than 2xx or 3xx."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Answers of success a second."""
        return (self.requests - self.refused) / self.seconds


def wrk(url: str, bodies: list[Any], connections: int, seconds: int, timeout: int = 30) -> Found:
    """Ask *url* on so many connections for so long."""
    with tempfile.TemporaryDirectory() as folder:
        script, lines = Path(folder) / "script.lua", Path(folder) / "bodies"
        script.write_text(SCRIPT, encoding="utf-8")
        lines.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
        words = [f"--connections={connections}", f"--duration={seconds}s", f"--timeout={timeout}s", "--threads=1"]
        done = subprocess.run(
            ["wrk", *words, f"--script={script}", url],
            env=os.environ | {"BODIES": str(lines)},
            capture_output=True,
            encoding="utf-8",
        )
    if done.returncode:
        sys.exit(f"wrk failed:\n{done.stdout}{done.stderr}")
    return Found(**json.loads(done.stdout.strip().splitlines()[-1]))


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def server(command: list[str], project: Path, ready: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in *project* until the block ends; it must answer at *ready*."""
    known = {**os.environ, "BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", **environment}
    known["PATH"] = f"{project / '.venv/bin'}{os.pathsep}{known['PATH']}"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=project, env=known, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + 120
            while ask(ready)[0] != 200:
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    sys.exit(f"{' '.join(command)} is not there:\n{log.read()[-3000:]}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def ask(url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body of the answer; 0 where there is none."""
    data = None if body is None else json.dumps(body).encode()
    known = {"Content-Type": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, known), timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def replace(file: Path, name: str, text: str) -> None:
    """Put *text* between the comments <!-- name --> and <!-- /name --> of a Markdown file."""
    before, _, rest = file.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    after = rest.partition(f"<!-- /{name} -->")[2]
    file.write_text(f"{before}<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->{after}", encoding="utf-8")
