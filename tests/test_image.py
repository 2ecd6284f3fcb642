"""The scoring image, built for real, run as a cluster would, pushed, pulled, deployed and broken."""

import http.client
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from helpers import containers, environments
from helpers.acting import REPOSITORY, Actions
from helpers.pages import blocks
from helpers.scoring_image import STRICT, Podman
from helpers.support import copied, representatives, run, sources

pytestmark = pytest.mark.tools

TRAINING = ["dvc", "great_expectations", "mlflow", "onnx", "optuna", "pandas", "pip", "pyarrow", "sklearn", "skl2onnx"]


@pytest.fixture(scope="module")
def started(built: dict[str, Any], podman: Podman) -> Iterator[tuple[str, str]]:
    """Return the name and address of a container that is run as a cluster does, pulled by its digest."""
    image = f"{built['repository']}@{built['digest']}"
    podman("rmi", "--force", built["name"])
    podman("pull", "--quiet", image)
    name = podman("run", "--detach", *STRICT, f"--env=SCORING_IMAGE={image}", "--publish=127.0.0.1::3000", image)
    address = f"http://{podman('port', name, '3000/tcp')}"
    containers.wait_for(f"{address}/readyz")
    yield name, address
    podman("rm", "--force", name)


def fetch(url: str) -> Any:
    """Return the JSON at *url*."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # one of this machine
        return json.load(answer)


@pytest.fixture(scope="module")
def model(approved: Path, environment: dict[str, str]) -> Path:
    """Return the folder of the model in the registry."""
    folder = approved / "build/model"
    run(".venv/bin/flight_delays", "registry", "fetch", "1", str(folder), cwd=approved, **environment)
    return folder


def test_image_pulled_by_digest_gives_the_golden_answers(
    started: tuple[str, str], model: Path, approved: Path, environment: dict[str, str]
) -> None:
    command = [".venv/bin/flight_delays", "smoke", str(model), "--url", started[1]]
    assert "20 golden rows" in run(*command, cwd=approved, **environment)


def test_container_has_no_rights_and_has_written_nothing_outside_of_tmp(
    started: tuple[str, str], podman: Podman
) -> None:
    status = podman("exec", started[0], "cat", "/proc/1/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert found["Uid"].split() == ["10001"] * 4
    assert found["Gid"].split() == ["10001"] * 4
    assert found["NoNewPrivs"] == "1"
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    changed = set(podman("diff", started[0]).splitlines())
    assert changed <= {"C /etc", "A /run/secrets", "C /run"}, "what the engine itself mounts"
    write = "import pathlib; pathlib.Path('/app/x').touch()"
    assert "Read-only file system" in podman("exec", started[0], "sh", "-c", f'python -c "{write}" 2>&1 || true')


def test_image_runs_as_any_user_with_a_read_only_root(
    built: dict[str, Any], podman: Podman, model: Path, approved: Path, environment: dict[str, str]
) -> None:
    """As OpenShift runs it: a user that no passwd file knows, of the group 0."""
    image = f"{built['repository']}@{built['digest']}"
    name = podman("run", "--quiet", "--detach", "--user=1000680000:0", *STRICT, "--publish=127.0.0.1::3000", image)
    address = f"http://{podman('port', name, '3000/tcp')}"
    containers.wait_for(f"{address}/readyz")
    status = podman("exec", name, "cat", "/proc/1/status")
    assert re.search(r"(?m)^Uid:\t1000680000\t1000680000\t1000680000\t1000680000$", status)
    smoke = [".venv/bin/flight_delays", "smoke", str(model), "--url", address]
    assert "20 golden rows" in run(*smoke, cwd=approved, **environment)
    podman("rm", "--force", name)


def test_image_says_its_platform_and_is_a_part_of_a_manifest_for_several(
    built: dict[str, Any], podman: Podman, approved: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    image = f"{built['repository']}@{built['digest']}"
    details = json.loads(podman("image", "inspect", image))[0]
    assert f"{details['Os']}/{details['Architecture']}" == built["labels"]["platform"]
    other = "arm64" if details["Architecture"] == "amd64" else "amd64"
    (tmp_path / "Containerfile").write_text(f"FROM {image}\nLABEL other=true\n", encoding="utf-8")
    podman("build", "--quiet", "--tag=other", str(tmp_path))
    podman("tag", image, "localhost/one")
    push = f"""
from mlgitops.image.engine import Engine
images = {{{built["labels"]["platform"]!r}: "localhost/one", "linux/{other}": "localhost/other"}}
print(Engine.find().push_manifest("{built["repository"]}:several", images))
"""
    digest = run(".venv/bin/python", "-c", push, cwd=approved, **environment).strip()
    manifest = json.loads(podman("manifest", "inspect", f"{built['repository']}@{digest}"))
    platforms = {one["platform"]["architecture"] for one in manifest["manifests"]}
    assert platforms == {"amd64", "arm64"}
    podman("pull", "--quiet", f"{built['repository']}@{digest}")
    assert podman("image", "inspect", "--format={{.Id}}", f"{built['repository']}@{digest}") == details["Id"]


def test_lineage_leads_from_the_endpoint_and_from_the_image_to_the_commit(
    started: tuple[str, str], built: dict[str, Any], podman: Podman, approved: Path, model: Path
) -> None:
    said = fetch(f"{started[1]}/lineage")
    labels = json.loads(podman("image", "inspect", f"{built['repository']}@{built['digest']}"))[0]["Labels"]
    head = run("git", "rev-parse", "HEAD", cwd=approved).strip()
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert said["image"] == f"{built['repository']}@{built['digest']}"
    assert {key: said[key] for key in ("version", "commit")} == {"version": "1", "commit": head}
    assert said["labels"] == built["labels"] == {k[6:]: v for k, v in labels.items() if k.startswith("model.")}
    assert said["labels"].keys() == {
        "version", "run", "commit", "data", "contract", "model", "lock", "code", "created", "platform",
        "data_md5", "raw_md5",
    }  # fmt: skip
    assert said["labels"]["model"] == manifest["files"]["model.onnx"]
    assert said["labels"]["contract"] == manifest["contract_sha256"]
    assert labels["org.opencontainers.image.revision"] == head
    committed = run(
        "git", "log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", cwd=approved, TZ="UTC"
    )
    assert labels["org.opencontainers.image.created"] == committed.strip()


def test_image_holds_what_scoring_needs_and_nothing_else(started: tuple[str, str], podman: Podman) -> None:
    look = f"""
import importlib.util, json, pathlib, shutil
modules = [name for name in {TRAINING} if importlib.util.find_spec(name)]
programs = [name for name in ("cc", "gcc", "g++", "make", "git", "uv", "pip") if shutil.which(name)]
app = pathlib.Path("/app")
pickles = [str(p) for p in app.rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib", ".skops")]
bare = [str(p) for p in app.rglob("*.py") if not list((p.parent / "__pycache__").glob(p.stem + ".*.pyc"))]
caches = [name for name in ("/root/.cache", "/tmp/.cache", "/tmp/pip") if pathlib.Path(name).exists()]
print(json.dumps([modules, programs, pickles, bare, caches]))
"""
    modules, programs, pickles, bare, caches = json.loads(podman("exec", "--user=0", started[0], "python", "-c", look))
    assert (modules, programs, pickles, caches) == ([], [], [], [])
    assert not [path for path in bare if "/tests/" not in path]


def test_image_is_small_and_a_new_model_is_a_small_layer(built: dict[str, Any], podman: Podman) -> None:
    image = f"{built['repository']}@{built['digest']}"
    layers = json.loads(podman("history", "--format=json", image))
    bento, packages, base = [layer["size"] for layer in layers if layer["size"] > 100_000]
    assert bento < 5_000_000
    assert packages < 200_000_000
    assert base > packages / 2, "it is the base"


def test_no_index_and_no_credential_is_in_the_image(started: tuple[str, str], podman: Podman, approved: Path) -> None:
    found = podman("exec", started[0], "sh", "-c", "grep -rlE 'hunter2|index-url' /app/bento || true")
    assert found == ""
    lines = podman("exec", started[0], "cat", "/app/bento/env/python/requirements.txt")
    locked = (approved / "uv.lock").read_text(encoding="utf-8")
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", lines)
    assert len(hashes) > 100
    assert not [digest for digest in hashes if digest not in locked]


@pytest.mark.nightly
def test_bento_in_the_image_is_one_that_bentoml_knows(started: tuple[str, str], podman: Podman) -> None:
    show = "from bentoml._internal.bento import Bento; print(Bento.from_path('/app/bento').tag)"
    assert podman("exec", started[0], "python", "-c", show) == "flight_delays:1"


def test_container_told_to_end_answers_what_it_has_begun(
    built: dict[str, Any], podman: Podman, model: Path, approved: Path, environment: dict[str, str]
) -> None:
    golden = json.loads((model / "golden.json").read_text(encoding="utf-8"))
    body = json.dumps(golden["rows"][0]).encode()
    image = f"{built['repository']}@{built['digest']}"
    name = podman("run", "--quiet", "--detach", *STRICT, "--publish=127.0.0.1::3000", image)
    address = podman("port", name, "3000/tcp")
    containers.wait_for(f"http://{address}/readyz")
    waiting = [http.client.HTTPConnection(address, timeout=30) for _ in range(9)]
    for connection in waiting:
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:9])
    kept, idle = waiting.pop(), waiting.pop()
    for connection in (idle, kept):
        connection.send(body[9:])
        connection.getresponse().read()  # the last of them is answered: the others were accepted before
    stop = ["podman", "stop", "--time=20", name]
    with subprocess.Popen(stop, cwd=approved, env=os.environ | environment) as stopping:
        last = False
        while not last:  # who keeps a connection and never pauses is told when to leave it
            kept.request("POST", "/predict", body, {"Content-Type": "application/json"})
            response = kept.getresponse()
            assert json.loads(response.read())["prediction"] == golden["answers"][0]["prediction"]
            last = response.getheader("Connection") == "close"
        assert idle.sock.recv(1) == b"", "it ends"
        idle.close()
        for connection in waiting:
            connection.send(body[9:])
            assert json.loads(connection.getresponse().read())["prediction"] == golden["answers"][0]["prediction"]
            connection.close()
        assert stopping.wait(60) == 0
    assert podman("inspect", "--format={{.State.ExitCode}}", name) == "0"
    podman("rm", name)


@pytest.mark.nightly
def test_several_workers_share_one_container(built: dict[str, Any], podman: Podman) -> None:
    image = f"{built['repository']}@{built['digest']}"
    name = podman("run", "--detach", *STRICT, "--env=SCORING_WORKERS=2", "--publish=127.0.0.1::3000", image)
    containers.wait_for(f"http://{podman('port', name, '3000/tcp')}/readyz")
    assert podman("top", name, "args").count("_bentoml_impl.worker.service") == 2
    podman("rm", "--force", name)


@pytest.mark.parametrize("name", representatives(["model.onnx", "contract.yaml"], "model.onnx"))
def test_image_with_another_model_refuses_to_start(
    name: str, built: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    path = f"/app/bento/src/models/export/{name}"
    spoil = f"""FROM {built["repository"]}@{built["digest"]}
USER 0
RUN python -c "import pathlib; p = pathlib.Path('{path}'); p.write_bytes(p.read_bytes().replace(b'a', b'b', 1))"
USER 10001:10001
"""
    (tmp_path / "Containerfile").write_text(spoil, encoding="utf-8")
    run("podman", "build", "--quiet", "--tag=spoilt", str(tmp_path), cwd=tmp_path, **environment)
    command = ["podman", "run", "--rm", *STRICT, "spoilt"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 1
    assert f"{path} is not the file that was exported with this model" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.nightly
def test_image_that_answers_otherwise_is_not_named(approved: Path, model: Path, environment: dict[str, str]) -> None:
    prove = """
import sys
from pathlib import Path
from mlgitops.common import files
from mlgitops.image import command
from mlgitops.image.engine import Engine
folder = Path(sys.argv[1])
golden = files.read_json(folder / "golden.json")
golden["answers"][7]["probability"] += 0.01
files.write_json(folder / "golden.json", golden)
command.verify(Engine.find(), sys.argv[2], folder)
"""
    other, built = approved / "build/other", json.loads((approved / "build/image.json").read_text(encoding="utf-8"))
    shutil.copytree(model, other)
    command = [".venv/bin/python", "-c", prove, str(other), f"{built['repository']}@{built['digest']}"]
    done = subprocess.run(command, cwd=approved, env=os.environ | environment, capture_output=True, encoding="utf-8")
    assert done.returncode != 0
    assert "row 7" in done.stderr


@pytest.mark.nightly
def test_a_second_build_elsewhere_gives_the_same_image(
    built: dict[str, Any], approved: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Another engine's storage without a cache, another clone in another folder, another time."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = environment | containers.engine(elsewhere, built["repository"].partition("/")[0])
    clone = tmp_path / "clone"
    shutil.copytree(approved, clone, symlinks=True, ignore=shutil.ignore_patterns("build", "__pycache__"))
    again = {**sources(clone), "PYTHONHASHSEED": "random"}
    run(".uv/bin/uv" if (clone / ".uv").exists() else "uv", "run", "--no-sync", "flight_delays", "image",
        "build", "1", cwd=clone, **other | again)  # fmt: skip
    run(".venv/bin/flight_delays", "push-image", cwd=clone, **other | again)
    second = json.loads((clone / "build/image.json").read_text(encoding="utf-8"))
    run("podman", "rmi", "--all", "--force", cwd=tmp_path, **other)
    assert (second["id"], second["digest"]) == (built["id"], built["digest"])
    bill = "build/sbom.cdx.json"
    assert (clone / bill).read_bytes() == (approved / bill).read_bytes()


def test_bill_of_materials_is_valid_and_complete(built: dict[str, Any], approved: Path) -> None:
    text = (approved / "build/sbom.cdx.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    parts = {part["name"]: part for part in bill["components"]}
    some = [parts[name] for name in ("numpy", "libc6", "flight_delays")]  # all of them would take minutes
    few = {**bill, "components": some, "dependencies": bill["dependencies"][:1]}
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(few)) is None
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(set(references)) == len(references)
    assert {ref for one in bill["dependencies"] for ref in (one["ref"], *one.get("dependsOn", ()))} <= set(references)
    assert bill["metadata"]["component"]["version"] == built["id"]
    assert {"bentoml", "numpy", "onnxruntime", "libc6", "flight_delays"} <= parts.keys()
    assert parts["libc6"]["purl"].startswith("pkg:deb/debian/libc6@")
    assert parts["flight_delays"]["hashes"] == [{"alg": "SHA-256", "content": built["labels"]["model"]}]
    assert not {"scikit-learn", "mlflow", "pycparser"} & parts.keys()


def test_staging_really_runs_and_scores_a_request(
    built: dict[str, Any], approved: Path, model: Path, environment: dict[str, str], podman: Podman, tmp_path: Path
) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    image = f"{built['repository']}@{built['digest']}"
    with environments.pod(podman, environments.rendered(approved, image), tmp_path) as url:
        smoke = [".venv/bin/flight_delays", "smoke", str(model), "--url", url]
        assert "20 golden rows" in run(*smoke, cwd=approved, **environment)
        assert fetch(f"{url}/lineage")["image"] == image


@pytest.mark.parametrize("overlay", representatives(["production", "staging"], "production"))
def test_manifests_are_valid_to_kubernetes(overlay: str, project: Path, tmp_path: Path) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    file = tmp_path / "rendered.yaml"
    file.write_text(run("kubectl", "kustomize", f"deploy/overlays/{overlay}", cwd=project), encoding="utf-8")
    run("kubernetes-validate", "--strict", "--kubernetes-version", "1.34", str(file), cwd=tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("periodSeconds:", "periodSecond:"), encoding="utf-8")
    with pytest.raises(AssertionError, match="periodSecond"):
        run("kubernetes-validate", "--strict", "--kubernetes-version", "1.34", str(file), cwd=tmp_path)


@pytest.mark.nightly
def test_one_server_runs_it_by_compose_with_a_key(
    built: dict[str, Any], approved: Path, environment: dict[str, str], podman: Podman
) -> None:
    image = f"{built['repository']}@{built['digest']}"
    with environments.composed(image, approved, environment | {"SCORING_API_KEY": "open-sesame"}) as url:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(f"{url}/lineage")
        key = {"Authorization": "Bearer open-sesame"}
        request = urllib.request.Request(f"{url}/lineage", headers=key)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert json.load(answer)["image"] == image
        (name,) = podman("ps", "--quiet", "--filter=name=flight-delays_scoring").split()
        state = json.loads(podman("inspect", name))[0]
        assert state["HostConfig"]["ReadonlyRootfs"] is True
        assert state["EffectiveCaps"] in (None, [])
        assert state["HostConfig"]["PidsLimit"] == 512
        assert state["HostConfig"]["LogConfig"]["Size"] == "10MB"
        assert "open-sesame" not in podman("logs", name)
        podman("healthcheck", "run", name)


@pytest.mark.nightly
def test_imported_model_is_released_by_hand(
    approved: Path, model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (_, take), (_, release) = blocks("how-to/import.md")
    ((_, look),) = blocks("how-to/promote.md", "See the history")
    work = copied(approved, tmp_path)
    other = "import onnx, sys; m = onnx.load(sys.argv[1]); m.doc_string = 'From elsewhere'; onnx.save(m, 'model.onnx')"
    run(".venv/bin/python", "-c", other, str(model / "model.onnx"), cwd=work)
    (tmp_path / "github").mkdir()
    engine = {name: value for name, value in environment.items() if name not in ("IMAGE_REPOSITORY", "PYTHONPATH")}
    github = Actions(tmp_path / "github", work, engine)
    run("git", "remote", "add", "origin", f"git@github.com:{REPOSITORY}.git", cwd=work)

    def say(text: str) -> str:
        return run("bash", "-euc", text, cwd=work, **github.laptop)

    say(f"git push --quiet origin main\n{take}")
    said = say(release.replace("ghcr.io/OWNER/REPOSITORY", environment["IMAGE_REPOSITORY"]))
    github.close()
    assert "golden" in said
    (pull,) = github.hub.pulls.values()
    assert pull["html_url"] in said
    image = json.loads((work / "build/image.json").read_text(encoding="utf-8"))
    assert image["digest"] in run("git", "diff", "main...promote/v2", cwd=github.origin)
    shown = say(look.replace("model/v7", "model/v2"))
    assert f"image: {image['repository']}@{image['digest']}" in shown
    assert "| metric |" not in shown  # the review in reports/ is about another model


@pytest.mark.nightly
def test_audit_says_so_where_it_cannot_ask(approved: Path) -> None:
    asked = {"UV_HTTP_RETRIES": "0", "HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    done = subprocess.run(
        ["make", "audit"], cwd=approved, env=os.environ | asked, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode != 0
    assert "error sending request" in done.stderr
