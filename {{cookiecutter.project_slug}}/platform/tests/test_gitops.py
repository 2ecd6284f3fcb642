"""What the workflows do with a model, on repositories of these tests; GitHub and clusters are recorded calls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import gitops
from helpers.git import git
from helpers.gitops import IMAGES, empty_overlay, lock

from mlgitops.common.errors import ProjectError
from mlgitops.github import api, deploy, promote, signatures, tags, targets, write_back
from mlgitops.github.production import OVERLAY
from mlgitops.github.tags import Release
from mlgitops.image import overlay


@pytest.fixture
def project(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small repository whose main was pushed, in which the package works."""
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Return what GitHub is asked, which gives no answer but an address."""
    calls: list[tuple[str, str, Any]] = []

    def answer(path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
        calls.append((method, path, body))
        return {"html_url": "https://example.org/pull/1", "number": 1} if method == "POST" else []

    monkeypatch.setattr(api, "api", answer)
    monkeypatch.setattr(signatures, "verify", lambda image: f"{image}: verified")
    return calls


def test_lock_that_is_up_to_date_is_left_alone(project: Path, asked: list[Any]) -> None:
    assert "nothing to write back" in write_back.write_back("main")
    assert asked == []


def test_new_lock_goes_to_its_branch_and_the_checks_begin(project: Path, origin: Path, asked: list[Any]) -> None:
    git("push", "--quiet", "origin", "HEAD:topic", cwd=project)
    lock(project, train="2", export="1")
    assert "(train)" in write_back.write_back("topic")
    assert git("log", "-1", "--format=%s", "topic", cwd=origin) == "Retrain: train"
    assert [call[1] for call in asked] == [f"/actions/workflows/{name}.yml/dispatches" for name in ("ci", "train")]
    assert {call[2]["ref"] for call in asked} == {"topic"}


def test_branch_that_has_moved_on_is_not_touched(project: Path, origin: Path, tmp_path: Path, asked: list[Any]) -> None:
    other = tmp_path / "other"
    git("clone", "--quiet", str(origin), str(other), cwd=tmp_path)
    git("-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "--quiet", "--allow-empty", "-m", "Later",
        cwd=other)  # fmt: skip
    git("push", "--quiet", "origin", "HEAD:topic", cwd=other)
    lock(project, train="2", export="1")
    assert "newer commit" in write_back.write_back("topic")
    assert git("log", "-1", "--format=%s", "topic", cwd=origin) == "Later"
    assert asked == []


def test_main_gets_a_pull_request_and_no_push(project: Path, origin: Path, asked: list[Any]) -> None:
    before = git("rev-parse", "main", cwd=origin)
    lock(project, train="2", export="2")
    assert "https://example.org/pull/1" in write_back.write_back("main")
    assert git("rev-parse", "main", cwd=origin) == before
    assert git("log", "-1", "--format=%s", "retrain", cwd=origin) == "Retrain: train, export"
    assert ("POST", "/pulls") in [call[:2] for call in asked]


def test_pipeline_that_gives_another_model_each_time_does_not_go_round(project: Path, asked: list[Any]) -> None:
    lock(project, train="2", export="1")
    write_back.write_back("topic")
    lock(project, train="3", export="1")
    with pytest.raises(ProjectError, match="changed train"):
        write_back.write_back("topic")


def test_tag_says_what_the_version_is_and_never_moves(project: Path, origin: Path) -> None:
    review = "## Model accepted\n\n# not a comment\n\n| a | b |"
    assert tags.create("7", IMAGES[0], {"commit": "abc", "roc_auc": "0.8100"}, review)
    assert not tags.create("7", IMAGES[1], {}, "")
    assert tags.find("v7") == Release("7", IMAGES[0], {"commit": "abc", "roc_auc": "0.8100"}, review)
    assert git("tag", "--list", cwd=origin) == "model/v7"
    assert tags.of_image(IMAGES[0]).version == "7"
    with pytest.raises(ProjectError, match="no tag model/v"):
        tags.of_image(IMAGES[1])


def test_versions_are_ordered_as_numbers(project: Path) -> None:
    for version, image in zip(("9", "10", "2"), IMAGES, strict=True):
        tags.create(version, image, {}, "")
    assert [release.version for release in tags.releases()] == ["10", "9", "2"]


def test_promotion_is_a_pull_request_that_changes_the_digest_alone(
    project: Path, origin: Path, asked: list[Any]
) -> None:
    tags.create("1", IMAGES[0], {"commit": "abc"}, "the review")
    (project / "contract.yaml").write_text("not yet committed")
    facts = {"commit": "abc", "platform": "linux/arm64"}
    release = Release("1", IMAGES[0], facts, "the review")
    assert promote.propose(release, evidence="the shadow of {}".format) == "https://example.org/pull/1"
    assert git("diff", "--name-only", "main", "promote/v1", cwd=origin) == OVERLAY
    proposed = git("show", f"promote/v1:{OVERLAY}", cwd=origin)
    assert overlay.pinned(proposed) == IMAGES[0]
    assert "kubernetes.io/arch: arm64" in proposed
    body = next(call[2]["body"] for call in asked if call[:2] == ("POST", "/pulls"))
    assert "the review" in body
    assert "the shadow of 1" in body
    assert IMAGES[0] in body
    assert (project / "contract.yaml").read_text() == "not yet committed"


def test_laptop_lets_gh_find_the_owner(project: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    api.propose("retrain", "A title", "")
    assert asked[0][1].endswith("&head={owner}:retrain")  # gh fills in {owner}, and nothing that is encoded
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/flights")
    api.propose("retrain", "A title", "")
    assert asked[4][1].endswith("&head=acme:retrain")


def test_version_that_runs_already_needs_no_pull_request(project: Path, asked: list[Any]) -> None:
    overlay.pin(project / OVERLAY, IMAGES[0])
    git("commit", "--quiet", "--all", "-m", "Promote", cwd=project)
    git("push", "--quiet", "origin", "main", cwd=project)
    assert "already" in promote.propose(Release("1", IMAGES[0], {}, ""))
    assert asked == []


class Place:
    """A target that runs every image but those that are *bad*."""

    awaited = False

    def __init__(self, running: str | None, *bad: str) -> None:
        """Run the image *running*."""
        self.running, self.bad, self.applied = running, bad, []

    def current(self) -> str | None:
        """Return what runs."""
        return self.running

    def apply(self, image: str) -> None:
        """Run *image*, or fail."""
        self.applied.append(image)
        if image in self.bad:
            raise ProjectError("the pods do not start")
        self.running = image

    @contextmanager
    def address(self) -> Iterator[str]:
        """Give an address where nobody is asked."""
        yield "http://127.0.0.1:1"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every service answer as it should."""
    monkeypatch.setattr(deploy.registry, "fetch", lambda version, folder: folder.mkdir() or {"version": version})
    monkeypatch.setattr(deploy.Client, "ready", lambda self: True)
    monkeypatch.setattr(deploy.files, "read_json", lambda path: {})
    monkeypatch.setattr(deploy.smoke, "check", lambda client, golden: [])
    monkeypatch.setattr(signatures, "verify", lambda image: f"{image}: verified")


@pytest.mark.usefixtures("answers")
def test_deployment_replaces_what_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(IMAGES[0])
    monkeypatch.setattr(targets, "find", lambda environment, manifests: place)
    assert "production runs version 2" in deploy.deploy("production", Release("2", IMAGES[1], {}, ""))
    assert place.running == IMAGES[1]


@pytest.mark.usefixtures("answers")
def test_deployment_that_does_not_answer_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(IMAGES[0], IMAGES[1])
    monkeypatch.setattr(targets, "find", lambda environment, manifests: place)
    with pytest.raises(ProjectError, match=rf"(?s)the pods do not start.*rolled back to {IMAGES[0]}"):
        deploy.deploy("production", Release("2", IMAGES[1], {}, ""))
    assert place.applied == [IMAGES[1], IMAGES[0]]


@pytest.mark.usefixtures("answers")
def test_deployment_says_so_where_even_what_ran_before_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(IMAGES[0], *IMAGES)
    monkeypatch.setattr(targets, "find", lambda environment, manifests: place)
    with pytest.raises(ProjectError, match=rf"the rollback to the previous image {IMAGES[0]} failed too"):
        deploy.deploy("production", Release("2", IMAGES[1], {}, ""))


def test_without_a_target_nothing_is_deployed_and_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOY_TARGET", raising=False)
    said = deploy.deploy("staging", Release("1", IMAGES[0], {}, ""))
    assert "DEPLOY_TARGET" in said
    assert "kubernetes" in said


def test_unknown_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TARGET", "mainframe")
    with pytest.raises(ProjectError, match="mainframe: expected none, kubernetes, compose"):
        targets.find("staging")


def test_cluster_is_told_the_overlay_with_the_image_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    labels = "labels: {app.kubernetes.io/component: challenger}"
    canary = f"kind: Deployment\nmetadata: {{name: model-challenger, namespace: place, {labels}}}\n---"
    metadata = "metadata: {name: model, namespace: place}"
    program = f"""#!/bin/sh
printf '%s\\n' "$*" >> {told}
case "$*" in
    kustomize*) cat "$2/kustomization.yaml" >> {told}; echo '{canary}'; echo 'kind: Deployment'; echo '{metadata}' ;;
    *get*) echo {IMAGES[0]} ;;
esac
"""
    (tmp_path / "kubectl").write_text(program, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DEPLOY_TARGET", "kubernetes")
    monkeypatch.setenv("DEPLOY_SECONDS", "90")
    monkeypatch.chdir(tmp_path)
    empty_overlay(Path("deploy/overlays/production/kustomization.yaml"))
    place = targets.find("production")
    assert place is not None
    assert place.current() == IMAGES[0]
    place.apply(IMAGES[1])
    said = told.read_text(encoding="utf-8")
    assert IMAGES[1].partition("@")[2] in said
    assert [line for line in said.splitlines() if "apply" in line or "rollout" in line] == [
        "apply --filename -",
        "--namespace place rollout status deployment/model --timeout=90s",
    ]


def test_server_replaces_a_container_that_was_restarted_while_it_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As podman-compose does: with a zero, it leaves a container that runs again where it was stopped to be removed."""
    runs = tmp_path / "runs"
    runs.write_text(IMAGES[0], encoding="utf-8")
    programs = {
        "podman-compose": f'[ -s {runs} ] || printf %s "$IMAGE" > {runs}',
        "podman": f'case "$1 $*" in "rm "*seven*) : > {runs} ;; *Image*) cat {runs} ;; *ID*) echo seven ;; esac',
    }
    for name, program in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DEPLOY_TARGET", "compose")
    monkeypatch.setenv("IMAGE_ENGINE", "podman")
    monkeypatch.chdir(tmp_path)
    Path("deploy").mkdir()
    Path("deploy/compose.yaml").write_text("name: model\n", encoding="utf-8")
    place = targets.find("production")
    assert place is not None
    place.apply(IMAGES[1])
    assert place.current() == IMAGES[1]
