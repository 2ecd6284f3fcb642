"""Starts the service inside the scoring image."""

import os
import socket
import sys
from pathlib import Path

import click

from ..scorer import read_manifest
from .limits import Limits

BENTO = Path(__file__).parents[3]
HOST, PORT = "0.0.0.0", 3000  # noqa: S104  # of the container; what it publishes is for others to say
KEEP = 75  # seconds that an idle connection is kept: longer than load balancers do, who would use one that is closing
GRACE = 20  # seconds for requests that are being answered when it is told to end


@click.command()
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, envvar="SCORING_WORKERS")
def main(workers: int) -> None:
    """Answer requests until told to end, as one process unless more are asked for.

    BentoML's supervisor takes the memory of half a worker, the time to start of another, and keeps a container up whose
    model cannot be loaded. So one worker does without: whatever runs the container sees it end, and says so.
    """
    read_manifest(Path(os.environ["SCORING_MODEL"]))
    Limits.from_environment()
    times = ["--timeout-keep-alive", str(KEEP), "--timeout-graceful-shutdown", str(GRACE)]
    if workers > 1:
        command = [sys.executable, "-m", "bentoml", "serve", str(BENTO), "--host", HOST, "--port", str(PORT), *times]
        os.execv(command[0], command)  # noqa: S606  # a shell would be one process more
    from _bentoml_impl.worker.service import main as work  # type: ignore[import-untyped]  # BentoML's own worker

    listening = socket.create_server((HOST, PORT), backlog=2048)
    work([str(BENTO), "--fd", str(listening.detach()), *times])


if __name__ == "__main__":
    main()
