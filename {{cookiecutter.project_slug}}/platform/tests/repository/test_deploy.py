"""What deploy/ says is valid, safe, and true of the service: nothing is deployed here."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.repository import ROOT
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from mlgitops.image import bento, engine, overlay
from mlgitops.serving import bentoml_runtime, serve
from mlgitops.serving.telemetry import Telemetry

DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
PROMETHEUS = DEPLOY / "components" / "prometheus"
PROMQL = {
    "absent", "by", "changes", "count", "histogram_quantile", "label_values", "last_over_time", "or", "rate", "sum",
    "unless",
}  # fmt: skip
SCRAPED = {"le", "namespace", "pod"}  # labels that the histogram and Prometheus itself add


def rendered(path: Path) -> list[Any]:
    """Return what an overlay applies."""
    programs = [words for words in (["kubectl", "kustomize"], ["kustomize", "build"]) if shutil.which(words[0])]
    if not programs:
        pytest.skip("neither kubectl nor kustomize is installed")
    done = subprocess.run([*programs[0], str(path)], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module", params=["staging", "production"])
def manifests(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what an overlay applies, by kind."""
    found = rendered(overlay.OVERLAYS / request.param)
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: one for one in found}


@pytest.fixture
def pod(manifests: dict[str, Any]) -> Any:
    """Return the specification of the pods of the Deployment."""
    return manifests["Deployment"]["spec"]["template"]["spec"]


def test_each_overlay_is_complete(manifests: dict[str, Any]) -> None:
    kinds = {"Deployment", "HorizontalPodAutoscaler", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service"}
    assert manifests.keys() == kinds
    namespace = manifests.pop("Namespace")["metadata"]["name"]
    assert {one["metadata"]["namespace"] for one in manifests.values()} == {namespace}


def test_images_are_pinned_by_digest_and_lineage_is_told_which(pod: Any) -> None:
    (scoring,) = pod["containers"]
    assert re.fullmatch(r"[^@:]+(:\d+)?(/[^@:]+)+@sha256:[0-9a-f]{64}", scoring["image"])
    assert {"name": "SCORING_IMAGE", "value": scoring["image"]} in scoring["env"]
    assert not [path for path in DEPLOY.rglob("*.yaml") if ":latest" in path.read_text(encoding="utf-8")]


def test_containers_have_no_privileges_and_write_nowhere_but_in_tmp(pod: Any) -> None:
    (scoring,) = pod["containers"]
    user, group = re.findall(r"(?m)^USER (\d+):(\d+)$", CONTAINERFILE)[0]
    assert int(user) > 0 < int(group), "by number, or a cluster cannot tell that it is not root"
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert scoring["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert [mount["mountPath"] for mount in scoring["volumeMounts"]] == ["/tmp"]  # noqa: S108  # of the container
    assert pod["automountServiceAccountToken"] is False


def test_no_user_or_group_is_fixed_because_openshift_assigns_them(manifests: dict[str, Any]) -> None:
    fixed = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
    assert not [word for word in fixed if word in yaml.safe_dump(manifests)]
    assert "mountPath: /tmp" in yaml.safe_dump(manifests), "anybody may write to an emptyDir"
    assert "chmod -R u=rwX,go=rX /app" in CONTAINERFILE, "and anybody may read the service"


def test_pods_run_where_the_image_can(pod: Any) -> None:
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64"}


def test_containers_are_probed_where_they_listen_and_given_what_they_need(pod: Any) -> None:
    (scoring,) = pod["containers"]
    (port,) = scoring["ports"]
    exposed = re.findall(r"(?m)^EXPOSE (\d+)$", CONTAINERFILE)
    assert [port["containerPort"], serve.PORT, engine.PORT] == [int(exposed[0])] * 3
    probes = {kind: scoring[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    assert scoring["resources"]["requests"].keys() == {"cpu", "memory"}
    assert scoring["resources"]["limits"].keys() == {"memory"}


def test_requests_being_answered_are_waited_for(pod: Any) -> None:
    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    ends = bentoml_runtime.LINGER_SECONDS + bentoml_runtime.GRACE_SECONDS
    assert wait + ends < pod["terminationGracePeriodSeconds"]
    assert int(COMPOSE["services"]["scoring"]["stop_grace_period"].removesuffix("s")) > ends


def test_everything_is_about_the_pods_of_the_deployment(manifests: dict[str, Any]) -> None:
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    spread = manifests["Deployment"]["spec"]["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in spread),
    ]
    assert [selector for selector in selectors if selector != labels] == []
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == manifests["Deployment"]["metadata"]["name"]


def test_one_server_runs_the_image_as_safely_as_a_cluster() -> None:
    (scoring,) = COMPOSE["services"].values()
    assert scoring["image"].startswith("${IMAGE:?")
    assert scoring["read_only"] is True
    assert scoring["tmpfs"] == ["/tmp"]  # noqa: S108  # of the container
    assert scoring["cap_drop"] == ["ALL"]
    assert scoring["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in scoring["ports"])
    assert scoring["pids_limit"] > 0
    assert scoring["logging"]["options"].keys() == {"max-size", "max-file"}  # or a server's disk fills up in a year
    assert "start_interval" not in scoring["healthcheck"]  # which Podman before 4.4 does not know


def test_variables_that_are_set_are_variables_that_are_read() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in bento.PACKAGE.rglob("*.py"))
    read = set(re.findall(r"SCORING_\w+", code)) | {f"SCORING_{name}" for name in ("API_KEY", "IMAGE")}
    texts = [path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*") if path.is_file()]
    assert set(re.findall(r"SCORING_\w+", "".join(texts))) <= read


def metrics() -> dict[str, set[str]]:
    """Return each series that the service exposes, with its labels."""
    telemetry = Telemetry(dict.fromkeys(("version", "run", "commit", "image"), "x"))
    telemetry.count("/predict", 200, 0.001)
    telemetry.rows(1, {"carrier": 1})
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(telemetry.show().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_alerts_and_dashboard_ask_for_metrics_that_the_service_has() -> None:
    rules = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text(encoding="utf-8"))["spec"]["groups"][0]["rules"]
    dashboard = json.loads((PROMETHEUS / "dashboard.json").read_text(encoding="utf-8"))
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [variable["query"] for variable in dashboard["templating"]["list"]]
    asked += [query["query"] for query in variables if "refId" in query]
    exposed = metrics()
    assert len(asked) > 10
    for query in asked:
        words = set(re.findall(r"[a-z_]+", re.sub(r'"[^"]*"|\[[^]]*\]|\$\w+', "", query))) - PROMQL
        names = {word for word in words if word.startswith("scoring_")}
        assert names, query
        assert names <= exposed.keys(), query
        assert words - names <= SCRAPED.union(*(exposed[name] for name in names)), query
    assert {name for name in exposed if any(name in query for query in asked)} >= {
        "scoring_model",
        "scoring_request_seconds_bucket",
        "scoring_requests_total",
        "scoring_rows_total",
    }


def test_packages_are_locked_by_hash_and_name_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / "uv.lock").is_file():
        pytest.skip("there is no uv.lock yet: `make setup` makes it")
    monkeypatch.chdir(ROOT)
    text = bento.locked()
    wanted = re.split(r"\n(?=\w)", text.strip())
    assert len(wanted) > 20
    assert all(re.match(r"[\w.-]+==\S+", part) and "--hash=sha256:" in part for part in wanted)
    assert "://" not in text


NAME = {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
WEIGHT = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
PORT = {"type": "integer", "minimum": 1, "maximum": 65_535}
ROUTE = {  # what the schema of the Gateway API, version v1, says of the parts that the route uses
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "parentRefs": {
            "items": {"properties": {"name": NAME, "namespace": NAME}, "required": ["name"]},
            "maxItems": 32,
        },
        "rules": {
            "maxItems": 16,
            "items": {
                "additionalProperties": False,
                "properties": {
                    "backendRefs": {
                        "maxItems": 16,
                        "items": {
                            "additionalProperties": False,
                            "properties": {"name": NAME, "port": PORT, "weight": WEIGHT},
                            "required": ["name", "port", "weight"],
                        },
                    }
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what production applies with the canary, by kind and name."""
    deploy = tmp_path_factory.mktemp("canary") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    path = deploy / "overlays/production/kustomization.yaml"
    text = path.read_text(encoding="utf-8") + "\ncomponents: [../../components/canary]\n"
    path.write_text(text, encoding="utf-8")
    overlay.pin(path, f"registry.example.org/team/model@sha256:{'1' * 64}")
    overlay.pin(deploy / "components/canary/kustomization.yaml", f"registry.example.org/team/model@sha256:{'2' * 64}")
    kinds: dict[str, dict[str, Any]] = {}
    for resource in rendered(path.parent):
        kinds.setdefault(resource["kind"], {})[resource["metadata"]["name"]] = resource
    return kinds


def test_the_canary_is_a_second_deployment_that_only_its_image_and_names_tell_apart(canary: Any) -> None:
    champion, challenger = sorted(canary["Deployment"].values(), key=lambda one: len(one["metadata"]["name"]))
    images = [one["spec"]["template"]["spec"]["containers"][0]["image"][-64:] for one in (champion, challenger)]
    assert images == ["1" * 64, "2" * 64]
    name = champion["metadata"]["name"]
    assert challenger["metadata"]["name"] == f"{name}-challenger"
    for labels in (challenger["metadata"]["labels"], challenger["spec"]["template"]["metadata"]["labels"]):
        assert labels.pop("app.kubernetes.io/component") == "challenger"
    same = (
        yaml.safe_dump(challenger, default_flow_style=False)
        .replace(f"{name}-challenger", name)
        .replace("2" * 64, "1" * 64)
    )
    assert yaml.safe_load(same) == champion


def test_each_service_finds_the_pods_of_its_own_version(canary: Any) -> None:
    for kind in ("Service", "NetworkPolicy"):
        assert len(canary[kind]) == 2
        for name, resource in canary[kind].items():
            chosen = resource["spec"].get("selector") or resource["spec"]["podSelector"]["matchLabels"]
            pods = [
                one["metadata"]["name"]
                for one in canary["Deployment"].values()
                if chosen.items() <= one["spec"]["template"]["metadata"]["labels"].items()
            ]
            assert pods == [name]


def test_the_weights_of_the_route_are_numbers_and_lead_to_both_services(canary: Any) -> None:
    (route,) = canary["HTTPRoute"].values()
    Draft202012Validator(ROUTE).validate(route["spec"])
    (rule,) = route["spec"]["rules"]
    assert [backend["name"] for backend in rule["backendRefs"]] == sorted(canary["Service"])
    assert sum(backend["weight"] for backend in rule["backendRefs"]) == 100
    for backend in rule["backendRefs"]:
        assert backend["port"] in [port["port"] for port in canary["Service"][backend["name"]]["spec"]["ports"]]


def test_sagemakers_serve_listens_where_sagemaker_asks(tmp_path: Path) -> None:
    lines = CONTAINERFILE.replace("\\\n", "").splitlines()
    (command,) = [line.removeprefix("RUN ") for line in lines if "/app/bin/serve" in line]
    subprocess.run(["sh", "-c", command.replace("/app/bin", str(tmp_path))], check=True)
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    for asked, port in (({}, 8080), ({"SAGEMAKER_BIND_TO_PORT": "9000"}, 9000)):
        run = subprocess.run([str(tmp_path / "serve")], env=path | asked, capture_output=True, text=True, check=True)
        assert run.stdout == f"-m mlgitops.serving.serve --host 0.0.0.0 --port {port}\n"
