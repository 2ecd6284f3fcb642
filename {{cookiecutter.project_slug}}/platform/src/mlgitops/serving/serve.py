"""Starts the scoring service, on any machine and in the scoring image."""

import errno
import os
import socket
import tempfile
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..model.scorer import read_manifest
from .limits import Limits
from .log_settings import LogSettings

BENTO = Path(__file__).parents[3]  # in the scoring image; elsewhere, the platform's folder
PORT = 3000
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # only where --host says so
BACKLOG = 2048  # connections that wait to be accepted


@click.command()
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default="models/export",
    show_default=True,
    envvar="SCORING_MODEL",
    help="Folder of the exported model.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address; 0.0.0.0 accepts other machines.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=PORT,
    show_default=True,
    envvar=["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"],  # Vertex AI and SageMaker say where to listen
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    envvar="SCORING_WORKERS",
    help="Number of processes.",
)
def main(model: Path, host: str, port: int, workers: int) -> None:
    """Serve the model until stopped; if SCORING_API_KEY is set, callers must send it."""
    read_manifest(model)  # report problems of the model here, not in the log of each worker
    Limits.from_environment()
    LogSettings.from_environment().check(Contract.load(model / "contract.yaml"))
    service = str(BENTO) if (BENTO / "bento.yaml").is_file() else f"{__package__}.bento:Scoring"
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        listener = _listen(host, port)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise ProjectError(f"{address}: {reason}: choose another address with --host and --port") from None
    with listener, tempfile.TemporaryDirectory(prefix="scoring-") as home:
        # two services must not share a BentoML home
        os.environ |= {"SCORING_MODEL": str(model.absolute()), "SCORING_WORKERS": str(workers), "BENTOML_HOME": home}
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        from . import bentoml_runtime

        click.echo(f"the service runs at http://{address}; stop it with Ctrl-C")
        bentoml_runtime.run(service, listener, workers)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket at an address; one for IPv4 and IPv6 at a wildcard, where the system has both."""
    if host in WILDCARDS and socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE or host == "::":
                raise  # otherwise, IPv6 is switched off
    return socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
    )


if __name__ == "__main__":
    main()
