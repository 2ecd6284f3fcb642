"""Starts the scoring service: on any machine, and in the scoring image."""

import os
import socket
import tempfile
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..model.scorer import read_manifest
from .limits import Limits

BENTO = Path(__file__).parents[3]  # in the scoring image; elsewhere, the platform's folder
PORT = 3000


@click.command()
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default="models/export",
    show_default=True,
    envvar="SCORING_MODEL",
    help="Folder.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to be reached from other machines.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    envvar="SCORING_WORKERS",
    help="Processes that answer.",
)
def main(model: Path, host: str, port: int, workers: int) -> None:
    """Answer requests until told to end; SCORING_API_KEY, if set, is what callers must send."""
    read_manifest(model)  # what is wrong with the model is said here, not by each worker in its log
    Limits.from_environment()
    what = str(BENTO) if (BENTO / "bento.yaml").is_file() else f"{__package__}.bento:Scoring"
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        raise ProjectError(f"{address}: {why}: choose another place with --host and --port") from None
    with listening, tempfile.TemporaryDirectory(prefix="scoring-") as home:
        # a folder of BentoML's own: two services must not share one
        os.environ |= {"SCORING_MODEL": str(model.absolute()), "SCORING_WORKERS": str(workers), "BENTOML_HOME": home}
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        from . import bentoml_runtime

        click.echo(f"look at http://{address}; stop with Ctrl-C")
        bentoml_runtime.run(what, listening, workers)


if __name__ == "__main__":
    main()
