"""One table, scored in every environment that can run here: the report has one row for each, and all are equal.

Its two tables are those of docs/how-to/other-platforms.md.
"""

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from helpers import environments, servers, static
from helpers import node as nodejs
from helpers.pages import blocks
from helpers.scoring_image import Podman
from helpers.support import TEMPLATE, copied, run, sources

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
Path(sys.argv[2], "parquet").mkdir()
numbered = table.assign(row=range(len(table)))
numbered.to_parquet(Path(sys.argv[2], "parquet/rows.parquet"), index=False, coerce_timestamps="us")
Path(sys.argv[2], "rows.json").write_text(json.dumps(rows))
pd.DataFrame(rows).to_csv(Path(sys.argv[2], "rows.csv"), index=False)
"""
SCORED = """
import json, sys
import pandas as pd
table = pd.read_parquet(sys.argv[1])
table = table.sort_values("row") if "row" in table else table  # Spark's parts are in any order
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
Answers = list[dict[str, Any]]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def table(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows of the test part, as JSON and as CSV."""
    folder = tmp_path_factory.mktemp("table")
    run(str(project / ".venv/bin/python"), "-c", TABLE, str(ROWS), str(folder), cwd=project, **sources(project))
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


def size(path: Path) -> int:
    """Return the size of a file or folder in bytes."""
    files = [path, *path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def shown(name: str) -> list[str]:
    """Return the rows of the table on the page whose first column is headed *name*."""
    page = (TEMPLATE / "docs/how-to/other-platforms.md").read_text(encoding="utf-8")
    return page.partition(f"| {name} |")[2].partition("\n\n")[0].splitlines()[2:]


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

    def program(*words: str) -> str:
        return run(str(project / ".venv/bin" / words[0]), *words[1:], cwd=project, **sources(project))

    program("flight_delays", "client", str(tmp_path / "client"))

    def scored(out: Path) -> Answers:
        return list(json.loads(program("python", "-c", SCORED, str(out))))

    def cold() -> Answers:
        out = tmp_path / "scored.parquet"
        program("flight_delays", "score", str(table / "rows.csv"), str(out), "--model", str(export))
        return scored(out)

    def client() -> Answers:
        source = str(tmp_path / "client/src")
        return list(json.loads(run("python3", "-c", CLIENT, source, str(table / "rows.json"), url, cwd=tmp_path)))

    def browser() -> Answers:
        shutil.copytree(export, tmp_path / "page")
        (tmp_path / "page/ort").symlink_to(packages / "node_modules/onnxruntime-web/dist")
        return list(static.scored(tmp_path / "page", rows))

    def node() -> Answers:
        return list(json.loads(nodejs.node(packages, NODE, str(export), str(table / "rows.json"))))

    def invocations() -> Answers:
        return list(post(f"{url}/invocations", {"instances": rows})["predictions"])

    def served(place: AbstractContextManager[str]) -> Answers:
        with place as address:
            return list(post(f"{address}/predict", rows))

    def sql() -> Answers:
        query = tmp_path / "query.sql"
        text = f"select score(value) from jsonb_array_elements($rows${json.dumps(rows)}$rows$)"  # noqa: S608  # ours
        query.write_text(text, encoding="utf-8")
        (_, commands), _ = blocks("how-to/in-database.md", "PostgreSQL")
        with environments.database(copied(project, tmp_path), commands) as address:
            psql = ["psql", address, "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file", str(query)]
            return [json.loads(line) for line in run(*psql, cwd=tmp_path).splitlines()]

    def staging() -> AbstractContextManager[str]:
        return environments.pod(podman, environments.rendered(approved, image), tmp_path)

    places: dict[str, Callable[[], Answers]] = {
        "batch scoring (`score`)": cold,
        "service, `/predict`": lambda: list(post(f"{url}/predict", rows)),
        "MLflow and SageMaker, `/invocations`": invocations,
        "KServe, `/v2`": lambda: of_tensors(post(f"{url}/v2/models/flight_delays/infer", tensors(rows))),
        "generated Python client": client,
        "Node, onnxruntime-node": node,
        "Chromium, onnxruntime-web": browser,
        "scoring image, `podman run`": lambda: served(environments.container(podman, image)),
        "scoring image, `deploy/compose.yaml`": lambda: served(environments.composed(image, approved, environment)),
        "scoring image, `deploy/overlays`, `podman kube play`": lambda: served(staging()),
        "PostgreSQL, PL/Python": sql,
        "Spark, `local[*]`": lambda: scored(environments.spark(project, table / "parquet", tmp_path)),
    }
    answers = {name: score() for name, score in places.items()}
    reference = answers["service, `/predict`"]
    differing = {name: sum(a != b for a, b in zip(reference, got, strict=True)) for name, got in answers.items()}
    report = [f"| {name} | {len(answers[name])} | {count} |" for name, count in differing.items()]
    sizes = {
        "exported model": size(export),
        "scoring image": podman("image", "inspect", "--format={{.Size}}", image),
        "Python client": size(tmp_path / "client"),
        "onnxruntime-node": size(packages / "node_modules/onnxruntime-node/bin"),
        "onnxruntime-web": size(packages / "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"),
        "packages of Spark": size(tmp_path / "spark"),
    }
    print("\n".join([*report, *map(str, sizes.items())]))
    assert set(differing.values()) == {0}, report
    assert len(reference) == ROWS
    assert len({answer["probability"] for answer in reference}) > ROWS / 4
    assert report == shown("environment")
