"""Spark on 127.0.0.1: a standalone master with two workers, and a server of Spark Connect."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .servers import free_port, running

DEPLOY = "org.apache.spark.deploy"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
LOCAL = {"SPARK_LOCAL_IP": "127.0.0.1"}


def programs(environment: Path) -> Path:
    """Return the folder of Spark's programs in a virtual environment."""
    (folder,) = environment.glob("lib/python*/site-packages/pyspark/bin")
    return folder


@contextmanager
def cluster(environment: Path, folder: Path) -> Iterator[str]:
    """Run a master and two workers, and yield the master's address."""
    port, spark_class = free_port(), str(programs(environment) / "spark-class")
    folder.mkdir()
    with ExitStack() as stack:
        master = [spark_class, f"{DEPLOY}.master.Master", "--host", "127.0.0.1"]
        master += ["--port", str(port), "--webui-port", "0"]
        logs = [folder / f"{name}.log" for name in ("master", "first", "second")]
        stack.enter_context(_logged(master, logs[0], "I have been elected leader"))
        address = f"spark://127.0.0.1:{port}"
        worker = [spark_class, f"{DEPLOY}.worker.Worker", address, "-c", "1", "-m", "1g", "--webui-port", "0"]
        for log in logs[1:]:
            stack.enter_context(_logged([*worker, "-d", str(folder / log.stem)], log, "Successfully registered"))
        yield address


@contextmanager
def connect(environment: Path, folder: Path) -> Iterator[str]:
    """Run a server of Spark Connect that tries a task four times, and yield its address."""
    port = free_port()
    folder.mkdir()
    settings = {"spark.connect.grpc.binding.port": port, "spark.ui.enabled": "false"}
    command = [str(programs(environment) / "spark-submit"), "--class", CONNECT, "--master", "local[2,4]"]
    command += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    python = {"PYSPARK_PYTHON": str(environment / "bin/python")}
    with _logged([*command, "spark-internal"], folder / "connect.log", "server started at", **python):
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def _logged(command: list[str], log: Path, line: str, **environment: str) -> Iterator[None]:
    known = os.environ | LOCAL | environment
    with running(command, log, lambda: line in log.read_text(encoding="utf-8"), environment=known):
        yield
