"""Which image runs where, and what is in it: nothing is built here."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.image import bento, command, engine, overlay
from mlgitops.registry import versions

PIN = f"registry.example.org/team/model@sha256:{'ab' * 32}"
OVERLAY = f"""resources: [../../base]
images: # `make promote` changes these lines
  - name: scoring
    newName: localhost/model
    digest: {overlay.NO_DIGEST}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose overlays run nothing yet, as the current folder."""
    models.write_project(tmp_path, contracts.example())
    for name in overlay.PINNED.values():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(OVERLAY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["staging", "canary"])
def test_pinning_an_image_changes_two_lines_and_is_shown(checkout: Path, name: str) -> None:
    path = checkout / {"staging": "deploy/overlays/staging", "canary": "deploy/components/canary"}[name]
    path = path / "kustomization.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    assert CliRunner().invoke(overlay.main, ["pin", name, PIN]).exit_code == 0
    after = path.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 2
    assert CliRunner().invoke(overlay.main, ["show", name]).output == f"{PIN}\n"
    assert PIN not in CliRunner().invoke(overlay.main, ["show", "production"]).output


PATCH = """
patches:
  - patch: |-
      spec:
        nodeSelector:
          kubernetes.io/arch: amd64 # that of the image
"""


@pytest.mark.parametrize(
    ("platform", "architecture"),
    [("linux/arm64", "arm64"), ("linux/arm64/v8", "arm64"), ("linux/amd64", "amd64"),
     ("linux/amd64+linux/arm64", None), (None, "amd64"), ("linux/x: y", None)],
)  # fmt: skip
def test_pods_are_sent_to_nodes_of_the_architecture_of_the_image(
    platform: str | None, architecture: str | None, checkout: Path
) -> None:
    path = checkout / "deploy/overlays/staging/kustomization.yaml"
    path.write_text(OVERLAY + PATCH, encoding="utf-8")
    labels = {"platform": platform} if platform else {}
    built = {"repository": PIN.partition("@")[0], "digest": PIN.partition("@")[2], "labels": labels}
    files.write_json(checkout / overlay.BUILT, built)
    assert CliRunner().invoke(overlay.main, ["pin", "staging"]).exit_code == 0
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["images"][0]["digest"] == PIN.partition("@")[2]
    patch = yaml.safe_load(document["patches"][0]["patch"])
    assert patch["spec"]["nodeSelector"] == {"kubernetes.io/arch": architecture}


ENGINE = """#!/bin/sh
[ -z "$FAILS" ] || case "$*" in $FAILS) echo "exec format error" >&2; exit 1;; esac
echo "$@" >> "$0.log"
case "$*" in
    *amd64*python3*) echo 3.11 x86_64 glibc;;
    *arm64*python3*) echo 3.11 aarch64 glibc;;
    *python3*) echo 3.11 x86_64 glibc;;
    *inspect*) echo '[{"Id": "sha256:1", "Size": 5}]';;
    *digestfile*) digest="${*#*--digestfile=}"; echo sha256:2 > "${digest%% *}";;
esac
"""


@pytest.fixture
def podman(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the log of an engine that only writes down its commands; the rest of a build is left out."""
    program = checkout / "bin/podman"
    program.parent.mkdir()
    program.write_text(ENGINE, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGE_ENGINE", str(program))
    monkeypatch.setenv("IMAGE_REPOSITORY", "registry.example.org/model")
    facts = versions.VersionFacts("7", "commit", "run", "sha", (), "raw", "train")
    monkeypatch.setattr(command, "fetch", lambda *_: facts)
    monkeypatch.setattr(command, "read_manifest", lambda _: {"contract_sha256": "c", "files": {"model.onnx": "m"}})
    monkeypatch.setattr(command, "verify", lambda *_: 0.5)
    monkeypatch.setattr(command.bento, "pack", lambda *_: None)
    monkeypatch.setattr(command.bento, "install", lambda packages, *_: packages.mkdir(parents=True))
    monkeypatch.setattr(command.sbom, "document", lambda *_: {})
    for name in ("uv.lock", "deploy/Containerfile"):
        (checkout / name).touch()
    return Path(f"{program}.log")


def test_an_image_says_its_platform(podman: Path) -> None:
    built = command.build("7")
    assert (built["name"], built["labels"]["platform"]) == ("registry.example.org/model:v7", "linux/amd64")
    assert "--label=model.platform=linux/amd64" in podman.read_text(encoding="utf-8")
    assert CliRunner().invoke(command.main, ["push"]).output == "registry.example.org/model@sha256:2\n"
    assert "manifest" not in podman.read_text(encoding="utf-8")
    labels = overlay.pushed()[1]
    assert (labels["platform"], labels["raw_md5"], labels["data_md5"]) == ("linux/amd64", "raw", "train")


def test_an_image_for_several_platforms_is_one_manifest(podman: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_PLATFORM", "linux/amd64, linux/arm64")
    built = command.build("7")
    assert built["labels"]["platform"] == "linux/amd64+linux/arm64"
    assert CliRunner().invoke(command.main, ["push"]).output == "registry.example.org/model@sha256:2\n"
    asked = podman.read_text(encoding="utf-8").splitlines()
    for architecture in ("amd64", "arm64"):
        name = f"registry.example.org/model:v7-linux-{architecture}"
        (build,) = [line for line in asked if line.startswith(f"build --platform=linux/{architecture} ")]
        assert f"--label=model.platform=linux/{architecture} " in build
        assert f"--tag={name}-" in build
        added = re.compile(rf"manifest add --os=linux --arch={architecture} \S+ containers-storage:{name}")
        assert len([line for line in asked if added.fullmatch(line)]) == 1
    (push,) = [line for line in asked if line.startswith("manifest push --all ")]
    assert push.endswith(" docker://registry.example.org/model:v7")
    assert re.match(r"manifest rm registry\.example\.org/model:v7-\w{8}$", asked[-1])


def test_a_platform_that_this_machine_cannot_run_is_an_error(podman: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_PLATFORM", "linux/arm64")
    monkeypatch.setenv("FAILS", "run*arm64*")
    with pytest.raises(ProjectError, match="exec format error"):
        command.build("7")
    assert not podman.exists() or "build" not in podman.read_text(encoding="utf-8")


def test_docker_is_refused_for_several_platforms() -> None:
    with pytest.raises(ProjectError, match="IMAGE_ENGINE=podman"):
        engine.Engine("docker").push_manifest("a", {"linux/amd64": "b", "linux/arm64": "c"})


@pytest.mark.parametrize("name", ["model:latest", "model", f"model@sha256:{'ab' * 31}", f"mod el@sha256:{'ab' * 32}"])
def test_an_image_without_a_digest_is_not_pinned(name: str, checkout: Path) -> None:
    done = CliRunner().invoke(overlay.main, ["pin", "production", name])
    assert done.exit_code == 1
    assert "write name@sha256:" in done.output
    assert (checkout / "deploy/overlays/production/kustomization.yaml").read_text(encoding="utf-8") == OVERLAY


@pytest.mark.usefixtures("checkout")
def test_what_was_not_built_is_neither_pushed_nor_pinned() -> None:
    for main, words in ((command.main, ["push"]), (overlay.main, ["pin", "staging"])):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 1
        assert re.search(r"no image was (built|pushed) yet: run `make [\w-]+`", done.output)


def test_an_image_that_no_registry_is_named_for_is_not_pushed(checkout: Path) -> None:
    (checkout / "build").mkdir()
    (checkout / "build/image.json").write_text('{"name": "localhost/model:v1"}', encoding="utf-8")
    done = CliRunner().invoke(command.main, ["push"])
    assert done.exit_code == 1
    assert "IMAGE_REPOSITORY" in done.output


def test_an_engine_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENGINE", "no-such-engine")
    with pytest.raises(ProjectError, match="no-such-engine"):
        engine.Engine.find()


def test_what_the_image_runs_imports_nothing_but_the_packages_for_serving() -> None:
    about = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    extra = about["project"]["optional-dependencies"]["serving"]
    names = {re.split(r"[^\w-]", line)[0].lower().replace("-", "_") for line in extra}
    brought = {"_bentoml_impl", "bentoml_cli", "pydantic_core", "typing_extensions", "uvicorn", "yaml"}  # by those
    allowed = names | brought | sys.stdlib_module_names
    modules = bento.modules(*bento.ENTRIES)
    here = {path.relative_to(bento.PACKAGE).as_posix() for path in modules}
    assert {"__init__.py", "model/scorer.py", "serving/__init__.py", "serving/app.py", "serving/serve.py"} < here
    assert {name.partition("/")[0] for name in here} == {
        "__init__.py",
        "common",
        "contract",
        "data",
        "model",
        "serving",
    }
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            wanted = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                wanted = [str(node.module)]
            assert {one.partition(".")[0] for one in wanted} <= allowed, path
