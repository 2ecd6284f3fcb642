"""Adapters answer as /predict does in the words of other protocols, and refuse within the same bounds in theirs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.pyfunc.scoring_server import infer_and_parse_data
from starlette.testclient import TestClient

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.serving import bento
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits
from mlgitops.serving.transposed import SPARE_CONTAINERS

LIMITS = Limits(max_bytes=600_000, max_rows=2_000)
VERTEX = {"AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2", "AIP_PREDICT_ROUTE": "/v1/endpoints/1:predict"}
INFER = "/v2/models/example/infer"
Rows = list[dict[str, Any]]


def client(folder: Path, limits: Limits = LIMITS) -> TestClient:
    api = Api()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in VERTEX.items():
            patch.setenv(name, value)
        bento.start(api, folder, limits)
    return TestClient(api)


@pytest.fixture(scope="session", params=["project", "multiclass", "regression"])
def folder(request: pytest.FixtureRequest, exported_of: Callable[[str], Path]) -> Path:
    """Return exported models: the project's own, and one of each other task."""
    return exported_of(request.param)


@pytest.fixture(scope="session")
def served(folder: Path) -> TestClient:
    return client(folder)


@pytest.fixture(scope="session")
def parcels(exported: Path) -> TestClient:
    return client(exported)


@pytest.fixture(scope="session")
def golden(folder: Path) -> dict[str, Any]:
    return dict(files.read_json(folder / "golden.json"))


@pytest.fixture(scope="session")
def rows(exported: Path) -> Rows:
    return list(files.read_json(exported / "golden.json")["rows"])


def tensors(rows: Rows) -> dict[str, Any]:
    """Return rows as a request of the Open Inference Protocol, the datatypes from the values."""
    kinds = {bool: "BOOL", str: "BYTES", int: "INT64", float: "FP64", type(None): "FP32"}

    def tensor(name: str) -> dict[str, Any]:
        values = [row[name] for row in rows]
        (*_, kind) = sorted({kinds[type(value)] for value in values if value is not None} or {"FP32"}, reverse=True)
        return {"name": name, "shape": [len(rows)], "datatype": kind, "data": values}

    return {"inputs": [tensor(name) for name in rows[0]]}


def split(rows: Rows) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [*rows[0]], "data": [list(row.values()) for row in rows]}}


def by_column(rows: Rows) -> dict[str, Any]:
    return {"inputs": {name: [row[name] for row in rows] for name in rows[0]}}


def of_tensors(answer: Any) -> list[dict[str, Any]]:
    outputs = {output["name"]: output for output in answer["outputs"]}
    return [
        {name: output["data"][row] for name, output in outputs.items()}
        for row in range(outputs["prediction"]["shape"][0])
    ]


FORMS: dict[str, tuple[str, Callable[[Rows], Any]]] = {  # path, and the body for rows
    "MLflow's records": ("/invocations", lambda rows: {"dataframe_records": rows}),
    "MLflow's instances with params": ("/invocations", lambda rows: {"instances": rows, "params": {}}),
    "MLflow's split": ("/invocations", split),
    "MLflow's split after params": ("/invocations", lambda rows: {"params": None, **split(rows)}),
    "MLflow's inputs": ("/invocations", by_column),
    "Vertex's instances": (VERTEX["AIP_PREDICT_ROUTE"], lambda rows: {"instances": rows}),
    "Vertex's parameters first": (VERTEX["AIP_PREDICT_ROUTE"], lambda rows: {"parameters": {}, "instances": rows}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_rows_in_an_envelope_get_the_answers_of_predict(served: TestClient, golden: dict[str, Any], form: str) -> None:
    path, body = FORMS[form]
    response = served.post(path, json=body(golden["rows"]))
    assert (response.status_code, response.json()) == (200, {"predictions": golden["answers"]})
    assert response.headers["x-model-version"]


def test_sagemaker_may_send_plain_rows(served: TestClient, golden: dict[str, Any]) -> None:
    assert served.post("/invocations", json=golden["rows"]).json() == golden["answers"]


def test_what_mlflows_own_server_reads_is_read(parcels: TestClient, rows: Rows) -> None:
    for form in ("MLflow's records", "MLflow's split"):
        body = FORMS[form][1](rows)
        table = infer_and_parse_data(body)  # MLflow's parser
        assert (
            parcels.post("/invocations", json=body).json()["predictions"] == parcels.post("/predict", json=rows).json()
        )
        assert len(table) == len(rows)


def test_the_open_inference_protocol_gets_the_answers_as_tensors(served: TestClient, golden: dict[str, Any]) -> None:
    body = {"id": "7", **tensors(golden["rows"])}
    answer = served.post(INFER, json=body).json()
    assert (answer["model_name"], answer["id"]) == ("example", "7")
    labels = golden["answers"][0].get("probabilities")
    if labels is None:
        assert of_tensors(answer) == golden["answers"]
    else:
        prediction, shares = answer["outputs"]
        assert shares["shape"] == [len(golden["rows"]), len(labels)]
        assert shares["data"] == [share for row in golden["answers"] for share in row["probabilities"].values()]
        assert prediction["data"] == [row["prediction"] for row in golden["answers"]]
    versioned = f"/v2/models/example/versions/{answer['model_version']}/infer"
    assert served.post(versioned, json=body).json() == answer
    only = served.post(INFER, json={**body, "outputs": [{"name": "prediction"}]}).json()
    assert [output["name"] for output in only["outputs"]] == ["prediction"]


def test_metadata_names_the_tensors_that_infer_takes_and_gives(served: TestClient, golden: dict[str, Any]) -> None:
    facts = served.get("/v2/models/example").json()
    assert {tensor["name"] for tensor in facts["inputs"]} == {*golden["rows"][0]}
    answer = served.post(INFER, json=tensors(golden["rows"])).json()
    assert [(o["name"], o["datatype"]) for o in answer["outputs"]] == [
        (o["name"], o["datatype"]) for o in facts["outputs"]
    ]
    assert served.get("/v2").json()["version"] == facts["versions"][0]


def test_tensors_of_shape_n_1_are_taken(parcels: TestClient, rows: Rows) -> None:
    body = tensors(rows)
    for tensor in body["inputs"]:
        tensor |= {"shape": [len(rows), 1], "data": [[value] for value in tensor["data"]]}
    assert of_tensors(parcels.post(INFER, json=body).json()) == parcels.post("/predict", json=rows).json()


OPEN = ["/v2/health/live", "/v2/health/ready", "/v2/models/example/ready", "/ping", VERTEX["AIP_HEALTH_ROUTE"]]


def test_health_needs_no_key_and_all_else_does(exported: Path, rows: Rows) -> None:
    closed = client(exported, Limits(api_key="tests"))
    assert [closed.get(path).status_code for path in OPEN] == [200] * len(OPEN)
    assert closed.get("/v2/models/example").status_code == 401
    for path, body in (*FORMS.values(), (INFER, tensors)):
        assert closed.post(path, json=body(rows)).status_code == 401
        assert closed.post(path, json=body(rows), headers={"Authorization": "Bearer tests"}).status_code == 200


def message(path: str, answer: Any, status: int) -> str:
    """Return the message of an error, after checking that it has the form of the protocol of *path*."""
    if path.startswith("/v2"):
        assert answer.keys() == {"error"}
        return str(answer["error"])
    if path == "/invocations":
        assert answer.keys() == {"error_code", "message"}
        return str(answer["message"])
    assert answer.keys() == {"error"}
    assert answer["error"].keys() == {"code", "message", "status"}
    assert answer["error"]["code"] == status
    return str(answer["error"]["message"])


def refused(client: TestClient, path: str, body: Any, **headers: str) -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.post(path, content=content, headers={"Content-Type": "application/json", **headers})
    assert response.headers["x-request-id"]
    return response.status_code, message(path, response.json(), response.status_code)


EVERY = {**FORMS, "tensors": (INFER, tensors)}


@pytest.mark.parametrize("form", EVERY)
def test_a_row_that_breaks_the_contract_is_named_in_the_protocols_form(
    parcels: TestClient, rows: Rows, form: str
) -> None:
    path, body = EVERY[form]
    many = [dict(rows[0]) for _ in range(1200)]
    many[1100] |= {"weight": -1.5}
    status, reason = refused(parcels, path, body(many))
    assert status == 400
    assert "row 1100, weight: Input should be greater than or equal to 0" in reason
    assert "-1.5" not in reason
    status, reason = refused(parcels, path, body([{**rows[0], "nothing": 1}]))
    assert (status, "nothing: There is no such field" in reason) == (400, True), reason


@pytest.mark.parametrize("form", EVERY)
def test_each_bound_of_the_service_holds_in_each_protocol(parcels: TestClient, rows: Rows, form: str) -> None:
    path, body = EVERY[form]
    few = [{name: value for name, value in rows[0].items() if value is not None}]
    assert refused(parcels, path, b" " * 700_000)[0] == 413
    assert refused(parcels, path, body(few * 2001))[0] == 413
    assert refused(parcels, path, b"{}", **{"Content-Type": "text/csv"})[0] == 415
    assert refused(parcels, path, b"{}", **{"Content-Encoding": "gzip"})[0] == 415
    assert refused(parcels, path, b"")[0] == 400
    assert refused(parcels, path, b"{")[0] == 400
    assert parcels.get(path).status_code == 405
    assert parcels.get(path).headers["allow"] == "POST"
    message(path, parcels.get(path).json(), 405)


WRONG_VALUES: dict[str, tuple[str, Any]] = {  # what /predict refuses, by field
    "not a number": ("value", float("nan")),
    "infinite": ("value", float("-inf")),
    "beyond single precision": ("value", 1e39),
    "beyond 64 bits": ("value", 2**70),
    "a number as a string": ("value", "1"),
    "a boolean as a number": ("value", True),
    "below the range": ("value", -1.5),
    "a fraction as an integer": ("items", 1.5),
    "an integer beyond 64 bits": ("items", 2**70),
    "missing": ("value", None),
    "a number as a category": ("shop", 5),
    "a category that there is not": ("shop", "nowhere"),
    "another form of time": ("sent", "yesterday"),
    "a date that there is not": ("sent", "2013-02-30"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_every_protocol_refuses_the_values_that_predict_refuses_with_its_words(
    parcels: TestClient, rows: Rows, case: str
) -> None:
    field, value = WRONG_VALUES[case]
    row = {**rows[0], field: value}
    response = parcels.post("/predict", content=json.dumps([row]), headers={"Content-Type": "application/json"})
    (detail,) = response.json()["details"]
    assert (response.status_code, detail["row"], detail["field"]) == (422, 0, field)
    for form, (path, body) in {**EVERY, "SageMaker": ("/invocations", list)}.items():
        status, reason = refused(parcels, path, body([row]))
        assert (status, f"row 0, {field}: {detail['message']}" in reason) == (400, True), (form, reason)


WRONG_TENSORS: dict[str, tuple[dict[str, Any], str]] = {
    "no data": ({"data": None}, "Data should be an array"),
    "another shape": ({"shape": [1, 2]}, "Shape should be [n] or [n, 1]"),
    "a negative shape": ({"shape": [-1]}, "Shape says -1 values"),
    "an odd shape": ({"shape": "1"}, "Shape should be [n] or [n, 1]"),
    "another size": ({"shape": [2]}, "Shape says 2 values"),
    "another datatype": ({"datatype": "FP8"}, "There is no such datatype"),
    "an odd datatype": ({"datatype": []}, "There is no such datatype"),
    "values of another type": ({"datatype": "BOOL"}, "Input does not have the datatype of its tensor, BOOL"),
    "an object": ({"data": [{}]}, "Input does not have the datatype of its tensor, FP64"),
    "another name": ({"name": "x"}, "x: There is no such field"),
    "no name": ({"name": None}, "the names of columns are not strings"),
}


@pytest.mark.parametrize("case", WRONG_TENSORS)
def test_a_wrong_tensor_is_refused_by_name(parcels: TestClient, case: str) -> None:
    change, reason = WRONG_TENSORS[case]
    tensor = {"name": "weight", "shape": [1], "datatype": "FP64", "data": [1.5], **change}
    status, told = refused(parcels, INFER, {"inputs": [tensor]})
    assert status == 400
    assert reason in told


WRONG_BODIES = [
    ("/invocations", b'{"dataframe_split": {"columns": ["weight"], "data": [[1, 2]]}}', "array of 1 values"),
    ("/invocations", b'{"dataframe_split": {"columns": ["weight", "weight"], "data": [[1, 2]]}}', "written twice"),
    ("/invocations", b'{"dataframe_split": {"columns": ["weight"], "data": [1]}}', "array of 1 values"),
    ("/invocations", b'{"dataframe_split": {"columns": [{}], "data": [[1]]}}', "not strings"),
    ("/invocations", b'{"dataframe_split": []}', "another shape"),
    ("/invocations", b'{"dataframe_split": {"columns": ["weight"], "data": []}}', "no rows"),
    ("/invocations", b'{"inputs": {"weight": [1], "value": []}}', "different numbers of rows"),
    ("/invocations", b'{"inputs": {}}', "no rows"),
    ("/invocations", b'{"inputs": {"weight": [1]}, "params": {"a": 1}}', "no parameters"),
    ("/invocations", b'{"instances": [], "more": 1}', "another shape"),
    ("/invocations", b'{"instances": []}', "no rows"),
    ("/invocations", b'{"weight": 1}', "another shape"),
    (VERTEX["AIP_PREDICT_ROUTE"], b'{"instances": {}}', "another shape"),
    (VERTEX["AIP_PREDICT_ROUTE"], b'{"instances": [{}]', "another shape"),
    (VERTEX["AIP_PREDICT_ROUTE"], b'[{}]', "another shape"),
    (VERTEX["AIP_PREDICT_ROUTE"], b'{"instances": [1]}', "Input should be an object"),
    (INFER, b'{"inputs": {}}', "no array `inputs`"),
    (INFER, b'{"inputs": [1]}', "no array `inputs`"),
    (INFER, b'{"inputs": []}', "no rows"),
    (INFER, b'{"inputs": [], "id": 1}', "`id` is not a string"),
    (INFER, b'{"inputs": [], "outputs": 1}', "`outputs` is not an array"),
    (INFER, b'{"inputs": [], "outputs": [{"name": "x"}]}', "the outputs are prediction, probability"),
    (INFER, b'[1]', "not a JSON object"),
    (INFER, b'{"inputs": [{"name": "weight", "shape": [1], "datatype": "FP64", "data": [], "data": [2]}]}', "twice"),
    ("/invocations", b'{"inputs": {"weight": [1], "weight": [2]}}', "weight: Name is written twice"),
    ("/invocations", b'{"dataframe_split": {"columns": ["weight"], "data": [[1]], "data": [[2]]}}', "written twice"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "reason"), WRONG_BODIES)
def test_a_body_of_another_shape_is_refused_with_the_shape_to_send(
    parcels: TestClient, path: str, body: bytes, reason: str
) -> None:
    status, told = refused(parcels, path, body)
    assert status == 400
    assert reason in told


HOSTILE = {
    "empty arrays": lambda n: b'{"inputs":[' + b"[]," * (n // 3) + b"[]]}",
    "empty objects": lambda n: b'{"inputs":[' + b"{}," * (n // 3) + b"{}]}",
    "depth": lambda n: b'{"inputs":' + b"[" * n,
    "a long name": lambda n: b'{"inputs":{"' + b"a" * n + b'":[1]}}',
    "many names": lambda n: json.dumps({"inputs": {str(i): [] for i in range(n // 20)}}).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/invocations", INFER, VERTEX["AIP_PREDICT_ROUTE"]])
def test_a_hostile_body_is_refused(parcels: TestClient, path: str, name: str) -> None:
    status, told = refused(parcels, path, HOSTILE[name](500_000))
    assert status in (400, 413)
    assert len(told) < 10_000


def test_arrays_are_counted_before_anything_is_built(parcels: TestClient) -> None:
    inside = LIMITS.max_rows + SPARE_CONTAINERS - 10
    body = b'{"inputs":[' + b"[]," * inside + b"[]]}"
    assert "no array `inputs`" in refused(parcels, INFER, body)[1]
    assert "arrays: send flat data" in refused(parcels, INFER, b"[" * 20 + body)[1]


def test_metrics_count_requests_by_protocol_and_never_by_a_path_that_a_caller_made_up(
    exported: Path, rows: Rows
) -> None:
    own = client(exported)
    for path, body in EVERY.values():
        own.post(path, json=body(rows))
    for path in ("/v2/models/other/infer", "/v2/x", "/invocations/x"):
        assert own.post(path, json={}).status_code == 404
    metrics = own.get("/metrics").text
    for route in ("/v2/models/{name}/infer", "/invocations", "vertex predict", "other"):
        assert f'scoring_requests_total{{route="{route}",status=' in metrics
    assert "endpoints" not in metrics
    assert f"scoring_rows_total {float(len(EVERY) * len(rows))}" in metrics


@pytest.mark.parametrize("route", ["predict", "/a b", "/" + "a" * 600, "/x?y"])
def test_a_route_of_vertex_that_is_no_path_stops_the_service(
    exported: Path, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIP_PREDICT_ROUTE", route)
    with pytest.raises(ProjectError, match="AIP_PREDICT_ROUTE"):
        bento.start(Api(), exported, LIMITS)


@pytest.mark.parametrize("path", ["/v2/models/other/infer", "/v2/models/example/versions/0/infer", "/v2/models"])
def test_a_model_that_there_is_not_is_refused_with_the_one_that_there_is(parcels: TestClient, path: str) -> None:
    for response in (parcels.post(path, json={}), parcels.get(path)):
        assert response.status_code == 404
        assert "this is example, version " in message(path, response.json(), 404)
    assert parcels.get("/v3").json().keys() == {"error", "details"}


@pytest.mark.parametrize("form", ["predict", *EVERY])
def test_a_client_of_another_contract_is_refused_with_both_versions(parcels: TestClient, rows: Rows, form: str) -> None:
    own = parcels.post("/predict", json=rows[0]).headers["x-contract-version"]
    path, body = {**EVERY, "predict": ("/predict", list)}[form]

    def reason(version: str) -> str:
        rejected = parcels.post(path, json=body([{**rows[0], "weight": -1}]), headers={"X-Contract-Version": version})
        assert rejected.status_code in (400, 422)
        return rejected.text

    assert f"generated for contract 0123456789ab, and this service has contract {own}" in reason("0123456789ab")
    assert not [version for version in (own, "x" * 12, "0" * 100) if "generated" in reason(version)]
    same = parcels.post("/predict", json=rows[0], headers={"X-Contract-Version": "0123456789ab"})
    assert same.status_code == 200  # a row that fits is answered: not every change of a contract breaks clients
