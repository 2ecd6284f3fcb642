"""Managed endpoints are deployed to, verified and gone back on; az and gcloud are programs that keep a state."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.gitops import IMAGES

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.github import deploy, signatures, targets
from mlgitops.github.tags import Release
from mlgitops.registry import command as registry
from mlgitops.serving import smoke

AZ = """
name, verb, options = words[1], words[2], dict(zip(words[3::2], words[4::2]))
assert options.pop("--resource-group") == "group" and options.pop("--workspace-name") == "space"
endpoint, deployments = state.get("endpoint"), state.setdefault("deployments", [])
if name == "online-endpoint" and verb == "list":
    answer = [endpoint] if endpoint and options["--query"] == f"[?name=='{endpoint['name']}']" else []
elif name == "online-endpoint" and verb == "create":
    state["endpoint"] = answer = {"name": options["--name"], "traffic": {}, "scoring_uri": state["url"] + "/predict"}
elif name == "online-endpoint" and verb == "update":
    endpoint["traffic"] = answer = {k: int(v) for k, v in (part.split("=") for part in options["--traffic"].split())}
elif name == "online-endpoint" and verb == "get-credentials":
    answer = {"primaryKey": "endpoint-key", "secondaryKey": "other"}
elif name == "online-deployment" and verb == "list":
    answer = deployments
elif name == "online-deployment" and verb == "create":
    answer = yaml.safe_load(open(options["--file"]))
    if answer["environment"]["image"] == state.get("broken"):
        sys.exit("ERROR: (ResourceNotReady) the container did not start")
    deployments[:] = [d for d in deployments if d["name"] != answer["name"]]
    deployments.append({**answer, "provisioning_state": "Succeeded"})
"""
GCLOUD = """
if words[0] == "auth":
    print("identity-token")
    sys.exit()
assert words[-7:] == ["--project", "flights", "--region", "europe-west1", "--format", "json", "--quiet"]
services = state.setdefault("services", [])
if words[2] == "list":
    answer = services
elif words[2] == "replace":
    answer = yaml.safe_load(open(words[3]))
    if answer["spec"]["template"]["spec"]["containers"][0]["image"] == state.get("broken"):
        sys.exit("ERROR: Revision is not ready and cannot serve traffic")
    services[:] = [{**answer, "status": {"url": state["url"]}}]
"""
PROGRAM = """#!{python}
import json, sys
import yaml
words = sys.argv[1:]
path = {state!r}
state = json.load(open(path))
state.setdefault("calls", []).append(words)
{body}
json.dump(state, open(path, "w"))
print(json.dumps(answer))
"""
MANIFESTS = {
    "azureml/workspace.yaml": "resource_group: group\nworkspace: space\n",
    "azureml/endpoint.yaml": "name: flights\nauth_mode: key\n",
    "azureml/deployment.yaml": "environment: {inference_config: {}}\ninstance_count: 1\n",
    "cloudrun/location.yaml": "project: flights\nregion: europe-west1\n",
    "cloudrun/service.yaml": "metadata: {name: flights}\nspec: {template: {spec: {containers: [{image: scoring}]}}}\n",
}


class Cloud:
    """The state that the two programs read and write."""

    def __init__(self, folder: Path) -> None:
        """Write the manifests and the programs to *folder*."""
        self.file, self.manifests = folder / "state.json", folder / "deploy"
        for name, text in MANIFESTS.items():
            files.write(self.manifests / name, text)
        self.change(url="http://127.0.0.1:9")
        for name, body in {"az": AZ, "gcloud": GCLOUD}.items():
            program = PROGRAM.format(python=sys.executable, state=str(self.file), body=body)
            (folder / name).write_text(program, encoding="utf-8")
            (folder / name).chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        """What there is, and which calls were made."""
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}

    def change(self, **values: Any) -> None:
        """Set parts of the state."""
        self.file.write_text(json.dumps({**self.state, **values}), encoding="utf-8")

    def verbs(self) -> list[str]:
        """Return the calls that changed something, without options."""
        calls = [
            " ".join(word for word in call[:3] if not word.startswith("/")) for call in self.state.get("calls", [])
        ]
        return [call for call in calls if call.split()[-1] in ("create", "update", "replace")]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("SCORING_API_KEY", raising=False)
    monkeypatch.setattr(signatures, "verify", lambda image: f"{image}: verified")
    return Cloud(tmp_path)


@pytest.fixture(scope="module")
def url(exported: Path) -> Iterator[str]:
    with smoke.running(exported) as client:
        yield client.url


def target(kind: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, environment: str = "production") -> targets.Target:
    monkeypatch.setenv("DEPLOY_TARGET", kind)
    place = targets.find(environment, cloud.manifests)
    assert place is not None
    return place


def test_azureml_gives_traffic_to_the_new_colour_and_goes_back_without_a_new_deployment(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = target("azureml", cloud, monkeypatch)
    assert place.current() is None
    place.apply(IMAGES[0])
    assert (place.current(), cloud.state["endpoint"]["traffic"]) == (IMAGES[0], {"blue": 100})
    place.apply(IMAGES[1])
    assert (place.current(), cloud.state["endpoint"]["traffic"]) == (IMAGES[1], {"blue": 0, "green": 100})
    created = cloud.verbs()
    assert created == ["ml online-endpoint create", *["ml online-deployment create", "ml online-endpoint update"] * 2]
    place.apply(IMAGES[0])
    assert (place.current(), cloud.state["endpoint"]["traffic"]) == (IMAGES[0], {"blue": 100, "green": 0})
    assert cloud.verbs() == [*created, "ml online-endpoint update"]


def test_azureml_leaves_the_traffic_where_it_is_if_the_new_deployment_fails(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = target("azureml", cloud, monkeypatch)
    place.apply(IMAGES[0])
    cloud.change(broken=IMAGES[1])
    with pytest.raises(ProjectError, match="the container did not start"):
        place.apply(IMAGES[1])
    assert (place.current(), cloud.state["endpoint"]["traffic"]) == (IMAGES[0], {"blue": 100})


@pytest.mark.parametrize("kind", ["azureml", "cloudrun"])
def test_each_environment_has_an_endpoint_of_its_own(kind: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {target(kind, cloud, monkeypatch, name).name for name in ("staging", "production")}  # type: ignore[union-attr]
    assert names == {"flights", "flights-staging"}


def test_cloudrun_replaces_the_service_with_the_image(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    place = target("cloudrun", cloud, monkeypatch, "staging")
    assert place.current() is None
    for image in IMAGES:
        place.apply(image)
        assert place.current() == image
    assert cloud.state["services"][0]["metadata"] == {"name": "flights-staging"}


@pytest.mark.parametrize("kind", ["azureml", "cloudrun"])
def test_a_deployment_is_verified_and_undone_if_the_predictions_differ(
    kind: str, cloud: Cloud, url: str, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(version: str, folder: Path) -> Path:
        folder.mkdir()
        golden = files.read_json(exported / "golden.json")
        if version == "2":
            golden["answers"][0]["probability"] += 0.5
        files.write_json(folder / "golden.json", golden)
        return folder

    monkeypatch.setenv("DEPLOY_TARGET", kind)
    monkeypatch.setattr(registry, "fetch", fetch)
    cloud.change(url=url)
    message = deploy.deploy("production", Release("1", IMAGES[0], {}, ""), cloud.manifests)
    assert "production runs version 1, which reproduces the reference predictions" in message
    with pytest.raises(ProjectError, match=f"(?s)failed verification: .*rolled back to {IMAGES[0]}") as error:
        deploy.deploy("production", Release("2", IMAGES[1], {}, ""), cloud.manifests)
    assert "endpoint-key" not in str(error.value)
    assert target(kind, cloud, monkeypatch).current() == IMAGES[0]
    assert "SCORING_API_KEY" not in os.environ


WRONG = {
    "no file": ("azureml", "azureml/workspace.yaml", None, r"workspace\.yaml: cannot be read"),
    "no YAML": ("azureml", "azureml/workspace.yaml", "a: [", r"workspace\.yaml: cannot be read"),
    "no setting": ("azureml", "azureml/workspace.yaml", "workspace: a\n", "resource_group is missing"),
    "an empty setting": ("cloudrun", "cloudrun/location.yaml", "project: ''\nregion: a\n", "project is missing"),
    "a number": ("cloudrun", "cloudrun/location.yaml", "project: 1\nregion: a\n", "project is missing"),
    "a list": ("cloudrun", "cloudrun/location.yaml", "- a\n", "project is missing"),
    "no name": ("cloudrun", "cloudrun/service.yaml", "metadata: {}\n", r"metadata\.name is missing"),
    "a long name": ("azureml", "azureml/endpoint.yaml", f"name: {'a' * 33}\n", "3 to 32 letters, digits and hyphens"),
    "an option": ("azureml", "azureml/endpoint.yaml", "name: --help\n", "3 to 32 letters, digits and hyphens"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named_with_its_file(case: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, name, text, reason = WRONG[case]
    if text is None:
        (cloud.manifests / name).unlink()
    else:
        files.write(cloud.manifests / name, text)
    with pytest.raises(ProjectError, match=reason):
        target(kind, cloud, monkeypatch)


@pytest.mark.parametrize("kind", ["azureml", "cloudrun"])
def test_a_program_that_is_missing_is_named(kind: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    place = target(kind, cloud, monkeypatch)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProjectError, match="is not installed, but DEPLOY_TARGET needs it"):
        place.current()


def test_the_settings_are_filled_in_and_nothing_of_the_owners_is_lost(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "environment: {inference_config: {scoring_route: {port: 1}}}\ninstance_count: 3\ntags: {team: a}\n"
    files.write(cloud.manifests / "azureml/deployment.yaml", text)
    target("azureml", cloud, monkeypatch).apply(IMAGES[0])
    (created,) = cloud.state["deployments"]
    expected = yaml.safe_load(text) | {"name": "blue", "endpoint_name": "flights", "provisioning_state": "Succeeded"}
    expected["environment"]["image"] = expected["tags"]["image"] = IMAGES[0]
    assert created == expected
