"""Starts the scoring service on this machine."""

import os
import tempfile
from pathlib import Path

import click

from .scorer import read_manifest
from .service.limits import Limits


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default="models/export", show_default=True, help="Folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to be reached from other machines.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    envvar="SCORING_WORKERS",
    help="Processes that answer.",
)
def main(model: Path, host: str, port: int, workers: int) -> None:
    """Answer requests until interrupted; SCORING_API_KEY, if set, is what callers must send."""
    read_manifest(model)  # what is wrong with the model is said here, not by each worker in its log
    Limits.from_environment()
    with tempfile.TemporaryDirectory(prefix="scoring-") as home:  # BentoML's own: two services must not share one
        os.environ |= {"SCORING_MODEL": str(model.absolute()), "SCORING_WORKERS": str(workers), "BENTOML_HOME": home}
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        from .service.scoring import Scoring

        click.echo(f"look at http://{host}:{port}; stop with Ctrl-C")
        Scoring.serve_http(host=host, port=port)  # type: ignore[attr-defined]  # a bentoml.Service


if __name__ == "__main__":
    main()
