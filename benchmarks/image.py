"""Builds the scoring image of a project and what people would build instead of it, and prints a table of the three.

    python benchmarks/image.py PROJECT

PROJECT is a generated project with a registered version (make setup pipeline review register). The other two are the
recipes of BentoML and of MLflow for the same scikit-learn pipeline, as they come, on the same base.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from pipeline import saved

ENGINE = os.environ.get("IMAGE_ENGINE", "podman")
STARTS = 3
PIP = """\
FROM {base}
RUN command -v pip && command -v python || (apt-get update && apt-get install --yes --no-install-recommends \\
    python3-pip python3-venv python-is-python3 && rm -rf /var/lib/apt/lists/*)
ENV PIP_BREAK_SYSTEM_PACKAGES=1
"""
SERVICE = """\
import bentoml
import numpy
import pandas
import skops.io


@bentoml.service(workers=1)
class Pipeline:
    def __init__(self) -> None:
        self.model = skops.io.load("model.skops", trusted=skops.io.get_untrusted_types(file="model.skops"))

    @bentoml.api
    def predict(self, rows: list[dict]) -> numpy.ndarray:
        return self.model.predict_proba(pandas.DataFrame(rows))
"""
NEEDS = ("bentoml", "numpy", "pandas", "scikit-learn", "skops")
PSS = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ {s += $2} END {print s}'"


def run(*command: str, cwd: Path | None = None, **environment: str) -> str:
    """Return what a command prints; end with all that it says where it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout.strip()


def build(context: Path, file: Path, name: str) -> float:
    """Build an image without a cache, trusting the authorities that this machine trusts; return the seconds it took."""
    trusted = os.environ.get("SSL_CERT_FILE")
    words = [f"--volume={trusted}:{trusted}:ro", f"--env=SSL_CERT_FILE={trusted}"] if trusted else []
    begun = time.monotonic()
    run(ENGINE, "build", "--no-cache", "--format=docker", *words, f"--file={file}", f"--tag={name}", str(context))
    return time.monotonic() - begun


def bentoml_recipe(project: Path, pipeline: Path, base: str, scratch: Path) -> float:
    """Build what `bentoml containerize` builds of a service with the pipeline inside."""
    python = project / ".venv/bin/python"
    versions = f"import importlib.metadata as m; print(*[n + '==' + m.version(n) for n in {NEEDS}], sep='\\n')"
    (scratch / "service.py").write_text(SERVICE, encoding="utf-8")
    shutil.copy(pipeline / "model.skops", scratch)
    packages = run(str(python), "-c", versions).splitlines()
    wanted = {
        "service": "service:Pipeline",
        "include": ["service.py", "model.skops"],
        "python": {"packages": packages, "lock_packages": False},
        "docker": {"base_image": base},
    }
    (scratch / "bentofile.yaml").write_text(json.dumps(wanted), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # has an uv
    own = {"BENTOML_HOME": str(scratch / "home"), "PATH": path}
    run(str(python), "-m", "bentoml", "build", "--version=1", cwd=scratch, **own)
    (bento,) = (scratch / "home/bentos").glob("*/*/")
    return build(bento, bento / "env/docker/Dockerfile", "localhost/bench-bentoml")


def mlflow_recipe(project: Path, pipeline: Path, base: str, scratch: Path) -> float:
    """Build what `mlflow models build-docker` builds of the pipeline."""
    command = [str(project / ".venv/bin/mlflow"), "models", "generate-dockerfile", "--env-manager=local"]
    run(*command, f"--model-uri={pipeline}", f"--output-directory={scratch / 'recipe'}")
    file = scratch / "recipe/Dockerfile"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [f"FROM {base}" if line.startswith("FROM ") else line for line in lines]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return build(scratch / "recipe", file, "localhost/bench-mlflow")


def measure(image: str, port: int, ready: str, path: str, body: str, *words: str) -> tuple[float, int]:
    """Return the seconds until *image* is ready (median of several starts) and the bytes that it holds when idle."""
    seconds, memory = [], []
    for _ in range(STARTS):
        begun = time.monotonic()
        name = run(ENGINE, "run", "--detach", f"--publish=127.0.0.1::{port}", *words, image)
        address = f"http://{run(ENGINE, 'port', name, f'{port}/tcp').splitlines()[0]}"
        while not answers(f"{address}{ready}"):
            if time.monotonic() - begun > 180:
                sys.exit(f"{image} is not ready:\n{run(ENGINE, 'logs', name)}")
            time.sleep(0.05)
        seconds.append(time.monotonic() - begun)
        if not answers(f"{address}{path}", body):
            sys.exit(f"{image} does not score a row")
        time.sleep(3)
        memory.append(int(run(ENGINE, "exec", name, "sh", "-c", PSS)) * 1024)
        run(ENGINE, "rm", "--force", name)
    return statistics.median(seconds), int(statistics.median(memory))


def answers(url: str, body: str | None = None) -> bool:
    """Say whether *url* answers with success, to *body* if there is one."""
    data, kind = body.encode() if body else None, {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, data, kind)  # noqa: S310  # of this machine
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def main() -> None:
    """Build the three images, measure them, print the table."""
    project = Path(sys.argv[1]).resolve()
    pipeline = saved(project)
    base = next(line.split()[1] for line in (project / "params.yaml").read_text().splitlines() if "  base:" in line)
    features = json.loads((pipeline / "input_example.json").read_text(encoding="utf-8"))
    row = dict(zip(features["columns"], features["data"][0], strict=True))
    begun = time.monotonic()
    run("make", "image", cwd=project)
    took = {"ours": time.monotonic() - begun}
    ours = json.loads((project / "build/image.json").read_text(encoding="utf-8"))["name"]
    golden = json.loads(run(ENGINE, "run", "--rm", ours, "cat", "/app/bento/src/models/export/golden.json"))["rows"][0]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in ("pip", "bentoml", "mlflow"):
            (scratch / name).mkdir()
        (scratch / "pip/Containerfile").write_text(PIP.format(base=base), encoding="utf-8")
        build(scratch / "pip", scratch / "pip/Containerfile", "localhost/bench-base")
        took["bentoml"] = bentoml_recipe(project, pipeline, "localhost/bench-base", scratch / "bentoml")
        took["mlflow"] = mlflow_recipe(project, pipeline, "localhost/bench-base", scratch / "mlflow")
    example = (pipeline / "serving_input_example.json").read_text(encoding="utf-8")
    tried = {
        "ours": (
            ours,
            3000,
            "/readyz",
            "/predict",
            json.dumps(golden),
            "--read-only",
            "--tmpfs=/tmp",
            "--cap-drop=ALL",
        ),
        "bentoml": ("localhost/bench-bentoml", 3000, "/readyz", "/predict", json.dumps({"rows": [row]})),
        "mlflow": ("localhost/bench-mlflow", 8080, "/ping", "/invocations", example),
    }
    smallest = size(base)
    print("| image | size | above the base | build | start to ready | idle memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, words in tried.items():
        seconds, memory = measure(*words)
        whole = size(words[0])
        sizes = f"{whole / 1e6:.0f} MB | {(whole - smallest) / 1e6:.0f} MB"
        print(f"| {name} | {sizes} | {took[name]:.0f} s | {seconds:.1f} s | {memory / 1e6:.0f} MB |", flush=True)


def size(image: str) -> int:
    """Return how many bytes an image has when it is unpacked."""
    return int(json.loads(run(ENGINE, "image", "inspect", image))[0]["Size"])


if __name__ == "__main__":
    main()
