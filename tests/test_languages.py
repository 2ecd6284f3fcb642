"""The exported model answers in Node and in a browser as in Python, and refuses the same rows."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import node as nodejs
from helpers import servers, static
from helpers.pages import blocks
from helpers.support import run
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.tools

SCORE = """
import * as ort from "onnxruntime-node";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [folder, rows, out] = process.argv.slice(2);
const { load, RowError } = await import(pathToFileURL(`${folder}/encode.js`));
const model = await load(ort, async name => readFileSync(`${folder}/${name}`));
console.log(await model.verify());
const answers = [];
for (const row of JSON.parse(readFileSync(rows))) {
  try { answers.push((await model.predict([row]))[0]); } catch (error) {
    if (!(error instanceof RowError)) throw error;
    answers.push(error.details.map(detail => detail.field).sort());
  }
}
writeFileSync(out, JSON.stringify(answers));
"""
PYTHON = """
import json, sys
from pathlib import Path
from mlgitops.model.scorer import Scorer
from mlgitops.serving.refusal import RequestError
from mlgitops.serving.request import RequestParser
folder, rows, out = map(Path, sys.argv[1:])
scorer = Scorer(folder)
parser, answers = RequestParser(scorer.contract, 1), []
for row in json.loads(rows.read_text()):
    try:
        answers.append(scorer.answers(parser.read(json.dumps([row]).encode())[0])[0])
    except RequestError as error:
        answers.append(sorted({detail["field"] for detail in error.details}))
out.write_text(json.dumps(answers))
"""
WRONG: list[Any] = [
    *(None, "", "  ", 0, -0.0, 1, 1.5, -1e30, 1e39, 2**53, True, "1", "a", [], {}, "NA", "unknown", -999),
    *(" JFK ", "jfk", "\x85LGA\u3000", "\ufeffJFK", "ü" * 1001, "2013-02-30", "2013-06-01", "2013-06-01T05:06"),
    *("2013-06-01 23:59:59.9999999", "2013-06-01T24:00", "2013-12-31T23:59:59.5", "2012-12-31T23:59:59"),
    *("2013-06-01T05:06Z", "2013-06-01T05:06:07+02:00", "2013-6-1"),
]
PARSE_PYTHON = """
import json, sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
import yaml
from mlgitops.contract.contract import Contract
from mlgitops.model.interface import interface
from mlgitops.serving.refusal import RequestError
from mlgitops.serving.request import RequestParser
folder = Path(sys.argv[1])
contract = Contract.model_validate(yaml.safe_load((folder / "contract.yaml").read_text()))
(folder / "features.json").write_text(json.dumps(asdict(interface(contract, "y", {}))))
parser, results = RequestParser(contract, 1), []
def plain(value):
    if isinstance(value, datetime): return (value.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds()
    if isinstance(value, date): return (value - date(1970, 1, 1)).days * 86400
    return value
for row in json.loads((folder / "rows.json").read_text()):
    try:
        results.append({name: plain(values[0]) for name, values in parser.read(json.dumps([row]).encode())[0].items()})
    except RequestError as error:
        results.append(sorted({detail["field"] for detail in error.details}))
(folder / "python.json").write_text(json.dumps(results))
"""
PARSE = """
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [client, folder] = process.argv.slice(2);
const { parse, RowError } = await import(pathToFileURL(client));
const facts = JSON.parse(readFileSync(`${folder}/features.json`));
const results = JSON.parse(readFileSync(`${folder}/rows.json`)).map(row => {
  try { return Object.fromEntries(Object.entries(parse([row], facts)).map(([name, values]) => [name, values[0]])); }
  catch (error) {
    if (!(error instanceof RowError)) throw error;
    return [...new Set(error.details.map(detail => detail.field))].sort();
  }
});
writeFileSync(`${folder}/node.json`, JSON.stringify(results));
"""
CONTRACT = """
task: binary
target: y
key: [id]
columns:
  id: {type: text}
  n: {type: number, min: -5, max: 5}
  gap: {type: integer, missing: true, na_values: [-999, unknown]}
  flag: {type: boolean, missing: true}
  closed: {type: category, categories: [jfk, a], normalize: [trim, lower]}
  open: {type: category, missing: true, na_values: [unknown]}
  exact: {type: category, missing: true, normalize: []}
  local: {type: datetime, min: 2013-01-01, max: 2013-12-31 23:59:59}
  zoned: {type: datetime, zone: Europe/Vienna, missing: true}
  utc: {type: datetime, zone: UTC, missing: true, na_values: [2013-06-01]}
  day: {type: date, missing: true}
  y: {type: boolean}
"""
INTERVAL = """
import sys
from pathlib import Path
import onnx
from onnx import TensorProto, helper
from mlgitops.common import files
from mlgitops.contract.contract import Contract
from mlgitops.model import client_files
from mlgitops.model.scorer import Scorer, digests
folder = Path(sys.argv[1])
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Mul", ["x", "x"], ["y"])], "square", [x], [y])
opset = [helper.make_opsetid("", 17)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "model.onnx")
(folder / "features.py").touch()
client_files.write(folder, Contract.load(folder / "contract.yaml"), {"x": [1.0]})
facts = {"threshold": 0.5, "interval": [-0.3, 1.1]}
files.write_json(folder / "manifest.json", {**facts, "files": digests(folder)})
values = [0.1, -2.5, 1e6]
answers = Scorer(folder).answers({"x": values})
files.write_json(folder / "golden.json", {"rows": [{"x": value} for value in values], "answers": answers})
files.write_json(folder / "manifest.json", {**facts, "files": digests(folder)})
"""
NUMBER = "{task: regression, target: y, interval: 0.9, columns: {x: {type: number}, y: {type: number}}}"
ROW = {"n": 1, "closed": "a", "local": "2013-06-01"}


TYPESCRIPT = """
import createClient from "openapi-fetch";
import { readFileSync } from "node:fs";
import type { components, paths } from "./service.js";

type Row = components["schemas"]["Row"];
type Answer = components["schemas"]["Answer"];
const client = createClient<paths>({ baseUrl: process.argv[2] });
const { rows, answers }: { rows: Row[]; answers: Answer[] } = JSON.parse(readFileSync(process.argv[3], "utf8"));
const { data, error } = await client.POST("/predict", { body: rows });
if (error) throw new Error(error.error);
if (JSON.stringify(data) !== JSON.stringify(answers)) throw new Error(JSON.stringify(data));
const refused = await client.POST("/predict", { body: [{ ...rows[0], distance: -1 }] });
console.log(rows.length, refused.response.status, refused.error?.details[0].field);
"""
MISTYPED = """
import type { components } from "./service.js";
type Row = components["schemas"]["Row"];
export const text = (row: Row): string => row.distance;
export const origin: Row["origin"] = "XXX";
"""
CALLER = """
import json, sys
from pathlib import Path
from flight_delays.client import PredictionError, predict
url, golden = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
assert predict(golden["rows"], url) == golden["answers"]
assert predict(golden["rows"][0], url) == golden["answers"][0]
try:
    predict({**golden["rows"][0], "distance": -1}, url)
except PredictionError as error:
    print(len(golden["rows"]), error.status, error.details[0]["field"])
"""


@pytest.fixture(scope="module")
def packages(shared: Path) -> Path:
    """Return the folder of the packages of npm."""
    return nodejs.packages(shared)


def variants(row: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """Return *row* with every value of WRONG in each of *names*, and without it."""
    absent = [{key: value for key, value in row.items() if key != name} for name in names]
    return [row, {**row, "nothing": 1}, *absent, *({**row, name: value} for name in names for value in WRONG)]


def test_node_answers_as_python_does_and_refuses_the_same_rows(project: Path, packages: Path, tmp_path: Path) -> None:
    export, rows = project / "models/export", tmp_path / "rows.json"
    golden = json.loads((export / "golden.json").read_text(encoding="utf-8"))["rows"]
    rows.write_text(json.dumps([*golden, *variants(golden[0], [*golden[0]])]), encoding="utf-8")
    run(str(project / ".venv/bin/python"), "-c", PYTHON, str(export), str(rows), str(tmp_path / "python"), cwd=project)
    shown = nodejs.node(packages, SCORE, str(export), str(rows), str(tmp_path / "node"))
    expected, answers = (json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("python", "node"))
    assert shown.strip() == str(len(golden))
    for row, left, right in zip(json.loads(rows.read_text(encoding="utf-8")), expected, answers, strict=True):
        assert right == left, row
    assert 50 < sum(isinstance(answer, list) for answer in answers) < len(answers) - 50


def test_node_reads_every_kind_of_field_as_the_service_does(project: Path, packages: Path, tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    names = ["id", "n", "gap", "flag", "closed", "open", "exact", "local", "zoned", "utc", "day"]
    (tmp_path / "rows.json").write_text(json.dumps(variants(ROW, names)), encoding="utf-8")
    run(str(project / ".venv/bin/python"), "-c", PARSE_PYTHON, str(tmp_path), cwd=project)
    nodejs.node(packages, PARSE, str(project / "models/export/encode.js"), str(tmp_path))
    expected, results = (json.loads((tmp_path / f"{name}.json").read_text("utf-8")) for name in ("python", "node"))
    for row, left, right in zip(variants(ROW, names), expected, results, strict=True):
        assert right == left, row


def test_node_answers_a_number_with_its_interval(project: Path, packages: Path, tmp_path: Path) -> None:
    export, rows = tmp_path / "export", tmp_path / "rows.json"
    export.mkdir()
    (export / "contract.yaml").write_text(NUMBER, encoding="utf-8")
    run(str(project / ".venv/bin/python"), "-c", INTERVAL, str(export), cwd=project)
    golden = json.loads((export / "golden.json").read_text(encoding="utf-8"))
    rows.write_text(json.dumps(golden["rows"]), encoding="utf-8")
    assert nodejs.node(packages, SCORE, str(export), str(rows), str(tmp_path / "node")).strip() == "3"
    answers = json.loads((tmp_path / "node").read_text(encoding="utf-8"))
    assert answers == golden["answers"]
    assert {*answers[0]} == {"prediction", "low", "high"}


@pytest.mark.nightly
def test_node_refuses_a_changed_file_another_format_and_a_function_of_python(
    project: Path, packages: Path, tmp_path: Path
) -> None:
    def failed(change: dict[str, Any], tell_manifest: bool = True) -> str:
        folder = tmp_path / "export"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(project / "models/export", folder)
        facts = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        (folder / "features.json").write_text(json.dumps({**facts, **change}), encoding="utf-8")
        if tell_manifest:
            code = "import sys; from pathlib import Path; from mlgitops.common import files; "
            code += "from mlgitops.model.scorer import digests; f = Path(sys.argv[1]); m = f / 'manifest.json'; "
            code += "files.write_json(m, {**files.read_json(m), 'files': digests(f)})"
            run(str(project / ".venv/bin/python"), "-c", code, str(folder), cwd=project)
        with pytest.raises(AssertionError) as error:
            nodejs.node(packages, SCORE, str(folder), "-", "-")
        return str(error.value)

    functions = json.loads((project / "models/export/features.json").read_text(encoding="utf-8"))["functions"]
    only = {name: {**function, "python_only": "reads a text"} for name, function in functions.items()}
    assert "features.json is not the file that was exported" in failed({"output": "other"}, tell_manifest=False)
    assert "has format 2, and this client reads format 1" in failed({"format": 2})
    assert "crosswind (it reads a text)" in failed({"functions": only})


def test_a_static_page_scores_in_the_browser_without_the_service(project: Path, packages: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "models/export", tmp_path / "page")
    (tmp_path / "page/ort").symlink_to(packages / "node_modules/onnxruntime-web/dist")
    golden = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))
    with static.served(tmp_path / "page") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page, requested = browser.new_page(), list[str]()
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{url}/score.html")
        page.get_by_text("20 golden rows are answered as in Python").wait_for()
        page.get_by_role("button", name="Score").click()
        page.locator("#answer").get_by_text("probability").wait_for()
        page.locator("#rows").fill(json.dumps(golden["rows"]))
        page.get_by_role("button", name="Score").click()
        page.locator("#answer").get_by_text("[").wait_for()
        assert json.loads(page.locator("#answer").inner_text()) == golden["answers"]
        page.locator("#rows").fill(json.dumps({**golden["rows"][0], "distance": -1}))
        page.get_by_role("button", name="Score").click()
        page.get_by_text("row 0, distance: Input should be greater than or equal to 50").wait_for()
        browser.close()
    assert [address for address in requested if not address.startswith(url)] == []


@pytest.fixture(scope="module")
def service(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL at which the project's model is served."""
    with servers.scoring(project, tmp_path_factory.mktemp("service")) as url:
        yield url


def test_a_typescript_client_of_the_openapi_document_gets_answers(
    project: Path, packages: Path, service: str, tmp_path: Path
) -> None:
    shutil.copy(packages / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    run("npx", "--no-install", "openapi-typescript", f"{service}/openapi.json", "--output", "service.ts", cwd=tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--skipLibCheck"]
    for name, text in {"call": TYPESCRIPT, "mistyped": MISTYPED}.items():
        (tmp_path / f"{name}.mts").write_text(text.replace("./service.js", "./service.mjs"), encoding="utf-8")
    (tmp_path / "service.ts").rename(tmp_path / "service.mts")
    with pytest.raises(AssertionError) as error:
        run("npx", "--no-install", "tsc", *options, "call.mts", "mistyped.mts", cwd=tmp_path)
    complaints = [line for line in str(error.value).splitlines() if ": error TS" in line]
    assert [line.partition(",")[0] for line in complaints] == ["mistyped.mts(4", "mistyped.mts(5"], complaints
    golden = str(project / "models/export/golden.json")
    assert run("node", "call.mjs", service, golden, cwd=tmp_path) == "20 422 distance\n"


def test_the_python_client_is_a_package_for_callers(workspace: Path, service: str, tmp_path: Path) -> None:
    ((_, text), _) = blocks("how-to/other-platforms.md", "A typed Python client")
    make, add = text.splitlines()
    caller = tmp_path / "caller"
    run("uv", "init", "--quiet", "--bare", "--no-workspace", str(caller), cwd=tmp_path)
    run("sh", "-c", make, cwd=workspace)
    run("sh", "-c", add, cwd=caller)
    golden = str(workspace / "models/export/golden.json")
    called = run(".venv/bin/python", "-c", CALLER, service, golden, cwd=caller, PYTHONPATH="")
    assert called == "20 422 distance\n"
