"""One table, scored in every environment that can run here: the report has one row for each, and all are equal."""

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import containers, servers, static
from helpers import node as nodejs
from helpers.scoring_image import STRICT, Podman
from helpers.support import run

pytestmark = pytest.mark.nightly

ROWS = 500
TABLE = """
import json, sys
from pathlib import Path
import pandas as pd
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
table = pd.read_parquet("data/test.parquet").iloc[:int(sys.argv[1])]
rows = frame.records(table, Contract.of_project())
Path(sys.argv[2], "rows.json").write_text(json.dumps(rows))
pd.DataFrame(rows).to_csv(Path(sys.argv[2], "rows.csv"), index=False)
"""
SCORED = """
import json, sys
import pandas as pd
table = pd.read_parquet(sys.argv[1])
assert table["error"].isna().all()
print(json.dumps(table[["prediction", "probability"]].astype({"prediction": bool}).to_dict("records")))
"""
NODE = """
import * as ort from "onnxruntime-node";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [folder, rows] = process.argv.slice(2);
const { load } = await import(pathToFileURL(`${folder}/encode.js`));
const model = await load(ort, async name => readFileSync(`${folder}/${name}`));
console.log(JSON.stringify(await model.predict(JSON.parse(readFileSync(rows)))));
"""
CLIENT = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from flight_delays.client import predict
print(json.dumps(predict(json.loads(Path(sys.argv[2]).read_text()), sys.argv[3])))
"""
# PostgreSQL's own Python imports the packages of the scoring image, and the exported model.
FUNCTION = """
create extension plpython3u;
create function predict(rows text) returns text language plpython3u as $code$
if "parser" not in SD:
    import sys
    from pathlib import Path
    sys.path[:0] = ["{folder}/platform/src", "{folder}/packages"]
    from mlgitops.model.scorer import Scorer
    from mlgitops.serving.request import RequestParser
    SD["scorer"] = Scorer(Path("{folder}/export"))
    SD["parser"] = RequestParser(SD["scorer"].contract, 10_000)
import json
parts = SD["parser"].parts(rows.encode())
return json.dumps([answer for columns in parts for answer in SD["scorer"].answers(columns)])
$code$;
"""
Answers = list[dict[str, Any]]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def table(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows of the test part, as JSON and as CSV."""
    folder = tmp_path_factory.mktemp("table")
    run(str(project / ".venv/bin/python"), "-c", TABLE, str(ROWS), str(folder), cwd=project)
    return folder


@pytest.fixture(scope="module")
def url(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL at which the project's model is served."""
    with servers.scoring(project, tmp_path_factory.mktemp("service")) as url:
        yield url


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  # of this machine
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return json.load(response)


def tensors(rows: Rows) -> dict[str, Any]:
    def tensor(name: str) -> dict[str, Any]:
        values = [row[name] for row in rows]
        kind = "BYTES" if any(isinstance(value, str) for value in values) else "FP64"
        return {"name": name, "shape": [len(rows)], "datatype": kind, "data": values}

    return {"inputs": [tensor(name) for name in rows[0]]}


def of_tensors(answer: Any) -> Answers:
    prediction, probability = (output["data"] for output in answer["outputs"])
    return [{"prediction": p, "probability": q} for p, q in zip(prediction, probability, strict=True)]


@contextmanager
def database(project: Path) -> Iterator[str]:
    """Yield the URL of a PostgreSQL with a function `predict` that scores with the exported model."""
    requirements = run(
        "uv", "export", "--quiet", "--frozen", "--only-group", "serving", "--no-emit-workspace", cwd=project
    )
    # not below pytest's own folder, which nobody else may enter
    with tempfile.TemporaryDirectory() as scratch, servers.postgres() as place:
        folder, url = Path(scratch), f"postgresql://{place}"
        (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
        python = shutil.which("python3", path="/usr/bin") or "python3"
        install = ["uv", "pip", "install", "--quiet", "--python", python, "--target", str(folder / "packages")]
        run(*install, "--requirements", str(folder / "requirements.txt"), cwd=folder)
        shutil.copytree(project / "platform/src", folder / "platform/src")
        shutil.copytree(project / "models/export", folder / "export")
        run("chmod", "--recursive", "a+rX", scratch, cwd=folder)
        run("psql", url, "--set=ON_ERROR_STOP=1", "--command", FUNCTION.format(folder=folder), cwd=folder)
        yield url


@contextmanager
def container(podman: Podman, image: str) -> Iterator[str]:
    """Yield the URL of a container that is run as a cluster does."""
    name = podman("run", "--quiet", "--detach", *STRICT, "--publish=127.0.0.1::3000", image)
    try:
        url = f"http://{podman('port', name, '3000/tcp')}"
        containers.wait_for(f"{url}/readyz")
        yield url
    finally:
        podman("rm", "--force", name)


@contextmanager
def composed(image: str, approved: Path, environment: dict[str, str]) -> Iterator[str]:
    """Yield the URL of the service that deploy/compose.yaml starts."""
    port = servers.free_port()
    here = environment | {"IMAGE": image, "PORT": str(port)}
    compose = ["podman-compose", "--file", "deploy/compose.yaml"]
    run(*compose, "up", "--detach", cwd=approved, **here)
    try:
        containers.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        run(*compose, "down", cwd=approved, **here)


@contextmanager
def pod(podman: Podman, image: str, approved: Path, folder: Path) -> Iterator[str]:
    """Yield the URL of the service that the overlay of staging starts."""
    port, pin = servers.free_port(), [".venv/bin/flight_delays", "overlay", "pin", "staging", image]
    run(*pin, cwd=approved)
    manifests = yaml.safe_load_all(run("kubectl", "kustomize", "deploy/overlays/staging", cwd=approved))
    (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0] |= {"hostPort": port, "hostIP": "127.0.0.1"}
    file = folder / "staging.yaml"
    file.write_text(yaml.safe_dump(deployment), encoding="utf-8")
    podman("kube", "play", str(file))
    try:
        containers.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        podman("kube", "down", str(file))


def test_one_table_gets_the_same_answers_in_every_environment(
    project: Path,
    approved: Path,
    built: dict[str, Any],
    podman: Podman,
    environment: dict[str, str],
    table: Path,
    url: str,
    shared: Path,
    tmp_path: Path,
) -> None:
    rows: Rows = json.loads((table / "rows.json").read_text(encoding="utf-8"))
    export, packages = project / "models/export", nodejs.packages(shared)
    image = f"{built['repository']}@{built['digest']}"
    python, program = str(project / ".venv/bin/python"), str(project / ".venv/bin/flight_delays")
    run(program, "client", str(tmp_path / "client"), cwd=project)

    def cold() -> Answers:
        out = str(tmp_path / "scored.parquet")
        run(program, "score", str(table / "rows.csv"), out, "--model", str(export), cwd=project)
        return list(json.loads(run(python, "-c", SCORED, out, cwd=project)))

    def client() -> Answers:
        source = str(tmp_path / "client/src")
        return list(json.loads(run("python3", "-c", CLIENT, source, str(table / "rows.json"), url, cwd=tmp_path)))

    def browser() -> Answers:
        shutil.copytree(export, tmp_path / "page")
        (tmp_path / "page/ort").symlink_to(packages / "node_modules/onnxruntime-web/dist")
        return list(static.scored(tmp_path / "page", rows))

    def sql() -> Answers:
        with database(project) as address:
            query = f"select predict($rows${json.dumps(rows)}$rows$)"
            (tmp_path / "query.sql").write_text(query, encoding="utf-8")
            psql = ["psql", address, "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file"]
            return list(json.loads(run(*psql, str(tmp_path / "query.sql"), cwd=tmp_path)))

    def contained() -> Answers:
        with container(podman, image) as address:
            return list(post(f"{address}/predict", rows))

    def by_compose() -> Answers:
        with composed(image, approved, environment) as address:
            return list(post(f"{address}/predict", rows))

    def by_kubernetes() -> Answers:
        with pod(podman, image, approved, tmp_path) as address:
            return list(post(f"{address}/predict", rows))

    environments: dict[str, Callable[[], Answers]] = {
        "batch scoring (`score`)": cold,
        "service, `/predict`": lambda: list(post(f"{url}/predict", rows)),
        "MLflow and SageMaker, `/invocations`": lambda: list(
            post(f"{url}/invocations", {"instances": rows})["predictions"]
        ),
        "KServe, `/v2`": lambda: of_tensors(post(f"{url}/v2/models/flight_delays/infer", tensors(rows))),
        "generated Python client": client,
        "Node, onnxruntime-node": lambda: list(
            json.loads(nodejs.node(packages, NODE, str(export), str(table / "rows.json")))
        ),
        "Chromium, onnxruntime-web": browser,
        "scoring image, `podman run`": contained,
        "scoring image, `deploy/compose.yaml`": by_compose,
        "scoring image, `deploy/overlays`, `podman kube play`": by_kubernetes,
        "PostgreSQL, PL/Python": sql,
    }
    answers = {name: score() for name, score in environments.items()}
    reference = answers["service, `/predict`"]
    differing = {name: sum(a != b for a, b in zip(reference, got, strict=True)) for name, got in answers.items()}
    lines = [f"| {name} | {len(answers[name])} | {count} |" for name, count in differing.items()]
    report = "\n".join(["| environment | rows | different answers |", "| --- | ---: | ---: |", *lines])
    print(report)
    assert set(differing.values()) == {0}, report
    assert len(reference) == ROWS
    assert len({answer["probability"] for answer in reference}) > ROWS / 4
