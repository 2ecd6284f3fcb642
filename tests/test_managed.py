"""What deploy/ says to managed endpoints passes the checks of the vendors' own libraries."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.support import bake, run

pytestmark = pytest.mark.nightly

AZURE = "azure-ai-ml==1.35.2"
GOOGLE = "google-api-python-client==2.202.0"
DATABRICKS = "databricks-bundles==1.22.1"
KSERVE = "kserve==0.21.0"
FILL = """
import json, sys
from pathlib import Path
from mlgitops.github.azureml import AzureML
from mlgitops.github.cloudrun import CloudRun
image, deploy = "registry.example.org/a/b@sha256:" + "0" * 64, Path("deploy")
print(json.dumps([AzureML("staging", deploy).deployment("blue", image), CloudRun("staging", deploy).service(image)]))
"""
LOAD_AZURE = """
import sys
from azure.ai.ml import load_online_deployment, load_online_endpoint
endpoint = load_online_endpoint("deploy/azureml/endpoint.yaml")
deployment = load_online_deployment(sys.argv[1])
print(endpoint.name, endpoint.auth_mode, deployment.name, deployment.endpoint_name, deployment.environment.image)
"""
LOAD_AZURE_BATCH = """
import sys
from azure.ai.ml import load_batch_endpoint
from azure.ai.ml.entities._load_functions import load_model_batch_deployment
endpoint = load_batch_endpoint("deploy/azureml/batch-endpoint.yaml")
deployment = load_model_batch_deployment(sys.argv[1])
print(endpoint.name, deployment.endpoint_name, deployment.model, deployment.settings.output_action)
"""
LOAD_AZURE_JOB = """
import sys
from azure.ai.ml import load_job
job = load_job(sys.argv[1])
checked = job._validate()
assert checked.passed, checked.error_messages
print(job.type)
"""
LOAD_DATABRICKS = """
import sys
from pathlib import Path
import yaml
from databricks.bundles.jobs import Job
job = Job.from_dict(yaml.safe_load(Path(sys.argv[1]).read_text())["resources"]["jobs"]["score"])
print(job.name, *job.tasks[0].spark_python_task.parameters)
"""
CHECK_GOOGLE = """
import json, sys
from pathlib import Path
import googleapiclient
import yaml
file = Path(googleapiclient.__file__).parent / "discovery_cache/documents/run.v1.json"
schemas = json.loads(file.read_text())["schemas"]
def check(value, schema, place):
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    assert isinstance(value, kinds[schema["type"]]), f"{place} is no {schema['type']}"
    if isinstance(value, dict):
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            assert inner, f"{place}.{name} is unknown"
            check(item, inner, f"{place}.{name}")
    for item in value if isinstance(value, list) else ():
        check(item, schema["items"], place)
service = yaml.safe_load(Path(sys.argv[1]).read_text())
check(service, {"$ref": "Service"}, "service")
print(service["metadata"]["name"], service["spec"]["template"]["spec"]["containers"][0]["image"])
"""
CHECK_KSERVE = """
import re, sys
from pathlib import Path
import kserve.models, kubernetes.client
import yaml
def check(value, kind, place):
    if inner := re.fullmatch(r"list\\[(.+)\\]", kind):
        return [check(item, inner[1], place) for item in value]
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client, kind, None)
    if model is None:
        return None
    names = {name: field for field, name in model.attribute_map.items()}
    for name, item in value.items():
        assert name in names, f"{place}.{name} is unknown"
        check(item, model.openapi_types[names[name]], f"{place}.{name}")
service = yaml.safe_load(Path(sys.argv[1]).read_text())
check(service, "V1beta1InferenceService", "service")
print(service["metadata"]["name"])
"""
# az, whose state is a file; it takes the options of `az ml`, whose extension is in no registry of packages.
AZ = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
file = Path(os.environ["AZ_STATE"])
state = json.loads(file.read_text()) if file.exists() else {"deployments": [], "default": None, "invoked": []}
_, noun, verb, *words = sys.argv[1:]
assert len(words) % 2 == 0 and all(word.startswith("--") for word in words[::2]), words
options = {}
for name, value in zip(words[::2], words[1::2]):
    options.setdefault(name, []).append(value)
assert Path(options["--file"][0]).is_file() if verb == "create" else options["--name"], options
settings = dict(setting.split("=") for setting in options.get("--set", ()))
call = f"{noun} {verb}"
if call == "batch-deployment create":
    state["deployments"].append(settings)
elif call == "batch-endpoint invoke":
    assert options["--deployment-name"][0] in [d["name"] for d in state["deployments"]]
    state["invoked"].append([options["--deployment-name"][0], state["default"]])
    print("job-1")
elif call == "batch-endpoint update":
    state["default"] = settings["defaults.deployment_name"]
elif verb in ("stream", "download"):
    assert options["--name"] == ["job-1"]
else:
    assert call == "batch-endpoint create"
file.write_text(json.dumps(state))
"""
IMAGE = f"registry.example.org/a/b@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baked project, beside it the documents that the platform sends, as JSON, which is YAML."""
    folder = tmp_path_factory.mktemp("managed")
    project = bake(folder)
    fill = ["uv", "run", "--no-project", "--isolated", "--with", "click", "--with", "pyyaml", "--with", "pydantic"]
    platform = {"PYTHONPATH": str(project / "platform/src")}
    printed = run(*fill, "--with", "numpy", "--with", "jinja2", "python", "-c", FILL, cwd=project, **platform)
    for name, document in zip(("azureml", "cloudrun"), json.loads(printed.splitlines()[-1]), strict=True):
        (folder / f"{name}.yaml").write_text(json.dumps(document), encoding="utf-8")
    return project


def loaded(project: Path, package: str, code: str, file: str) -> str:
    command = [
        "uv",
        "run",
        "--quiet",
        "--no-project",
        "--isolated",
        "--with",
        package,
        "--with",
        "pyyaml",
        "python",
        "-W",
        "ignore",
        "-c",
    ]
    return run(*command, code, file, cwd=project).splitlines()[-1]


def test_azure_accepts_endpoint_and_deployment_and_refuses_a_misspelt_key(filled: Path, tmp_path: Path) -> None:
    file = filled.parent / "azureml.yaml"
    assert loaded(filled, AZURE, LOAD_AZURE, str(file)) == f"flight-delays key blue flight-delays-staging {IMAGE}"
    text = file.read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("instance_count", "instance_cout"), encoding="utf-8")
    with pytest.raises(AssertionError, match="instance_cout"):
        loaded(filled, AZURE, LOAD_AZURE, str(tmp_path / "wrong.yaml"))


def test_azure_accepts_the_batch_endpoint_and_refuses_a_misspelt_key(filled: Path, tmp_path: Path) -> None:
    file = filled / "deploy/azureml/batch-deployment.yaml"
    names = "flight-delays-batch flight-delays-batch flight_delays:1 append_row"
    assert loaded(filled, AZURE, LOAD_AZURE_BATCH, str(file)) == names
    text = file.read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("mini_batch_size", "mini_batch_sise"), encoding="utf-8")
    with pytest.raises(AssertionError, match="mini_batch_sise"):
        loaded(filled, AZURE, LOAD_AZURE_BATCH, str(tmp_path / "wrong.yaml"))


def test_a_batch_deployment_is_verified_before_it_is_the_default_and_gone_back_on(filled: Path, tmp_path: Path) -> None:
    page = (filled / "docs/deploy.md").read_text(encoding="utf-8").partition("A batch endpoint of Azure ML")[2]
    deploy, back = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[:2]
    for name, text in {"az": AZ, "uv": "#!/bin/sh\n", "make": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    here = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "AZ_STATE": str(tmp_path / "state.json")}

    def state(commands: str) -> Any:
        run("bash", "-euc", commands, cwd=filled, **here)
        return json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))

    deployed = state(deploy)
    assert deployed["deployments"] == [{"name": "v7", "model": "azureml:flight_delays:7"}]
    assert (deployed["invoked"], deployed["default"]) == ([["v7", None]], "v7")
    assert state(back)["default"] == "v6"


def test_google_accepts_the_service_of_cloud_run_and_refuses_a_misspelt_key(filled: Path, tmp_path: Path) -> None:
    file = filled.parent / "cloudrun.yaml"
    assert loaded(filled, GOOGLE, CHECK_GOOGLE, str(file)) == f"flight-delays-staging {IMAGE}"
    text = file.read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("containerPort", "containerPrt"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"containerPrt is unknown"):
        loaded(filled, GOOGLE, CHECK_GOOGLE, str(tmp_path / "wrong.yaml"))


def test_kserve_accepts_the_inference_service_and_refuses_a_misspelt_key(filled: Path, tmp_path: Path) -> None:
    file = filled / "deploy/kserve/inference-service.yaml"
    assert loaded(filled, KSERVE, CHECK_KSERVE, str(file)) == "flight-delays"
    text = file.read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("maxReplicas", "maxReplica"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"maxReplica is unknown"):
        loaded(filled, KSERVE, CHECK_KSERVE, str(tmp_path / "wrong.yaml"))


@pytest.mark.parametrize(("file", "kind"), [("training", "command"), ("spark", "spark")])
def test_azure_accepts_the_jobs_and_refuses_a_misspelt_key(file: str, kind: str, filled: Path) -> None:
    job = filled / "build/spark/job"  # as docs/how-to/spark.md makes it
    job.mkdir(parents=True, exist_ok=True)
    for name in ("score.py", "mlgitops.zip"):
        (job / name).touch()
    path = filled / f"deploy/{file}/azureml-job.yaml"
    assert loaded(filled, AZURE, LOAD_AZURE_JOB, str(path)) == kind
    wrong = path.with_name("wrong.yaml")
    wrong.write_text(path.read_text(encoding="utf-8").replace("\nenvironment:", "\nenvironmnt:"), encoding="utf-8")
    with pytest.raises(AssertionError, match="environm"):
        loaded(filled, AZURE, LOAD_AZURE_JOB, str(wrong))


def test_databricks_accepts_the_job_and_refuses_a_misspelt_key(filled: Path) -> None:
    path = filled / "deploy/databricks/databricks.yml"
    tables = "table:main.default.rows table:main.default.predictions"
    model = "--model=${workspace.file_path}/models/export --run={{job.run_id}}"
    assert loaded(filled, DATABRICKS, LOAD_DATABRICKS, str(path)) == f"flight-delays score {tables} {model}"
    wrong = path.with_name("wrong.yml")
    text = path.read_text(encoding="utf-8")
    wrong.write_text(text.replace("environment_key: default\n          spark", "environmentkey: x\n          spark"))
    with pytest.raises(AssertionError, match="environmentkey"):
        loaded(filled, DATABRICKS, LOAD_DATABRICKS, str(wrong))


def test_each_vendor_installs_what_the_code_imports_on_a_worker_of_spark(filled: Path) -> None:
    platform = tomllib.loads((filled / "platform/pyproject.toml").read_text(encoding="utf-8"))
    executor = platform["project"]["optional-dependencies"]["executor"]
    bundle = yaml.safe_load((filled / "deploy/databricks/databricks.yml").read_text(encoding="utf-8"))
    (environment,) = bundle["resources"]["jobs"]["score"]["environments"]
    assert environment["spec"]["dependencies"][1:] == executor
    conda = yaml.safe_load((filled / "deploy/spark/conda.yaml").read_text(encoding="utf-8"))
    assert conda["dependencies"][-1]["pip"] == executor


@pytest.mark.parametrize("name", ["training/job", "training/tune", "scoring/cronjob"])
def test_kubernetes_accepts_the_jobs_and_refuses_a_misspelt_key(name: str, filled: Path, tmp_path: Path) -> None:
    text = (filled / f"deploy/{name}.yaml").read_text(encoding="utf-8")
    file, check = tmp_path / "job.yaml", ["kubernetes-validate", "--strict", "--kubernetes-version", "1.34"]
    file.write_text(text.replace("generateName:", "name:"), encoding="utf-8")  # the validator asks for a name
    run(*check, str(file), cwd=tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("restartPolicy:", "restartPolcy:"), encoding="utf-8")
    with pytest.raises(AssertionError, match="restartPolcy"):
        run(*check, str(file), cwd=tmp_path)
