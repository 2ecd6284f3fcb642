"""What may be released, promoted and deployed: only what main says, and what `release` on main has made and signed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import gitops
from helpers.git import git
from helpers.gitops import IMAGES
from hypothesis import given
from hypothesis import strategies as st

from mlgitops.common.errors import ProjectError
from mlgitops.github import api, deploy, production, promote, release, signatures, tags, targets, write_back
from mlgitops.github.production import OVERLAY
from mlgitops.github.tags import Release
from mlgitops.image import overlay
from mlgitops.store import branch
from mlgitops.store.git import OVERTAKEN, push_ref

IDENTITY = "https://github.com/acme/model/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
RULES = {
    "GH013": "error: GH013: Repository rule violations found for refs/heads/topic. Commits must have signatures",
    "GH006": "error: GH006: Protected branch update failed for refs/heads/topic.",
    "hook": "error: the file is not allowed here, non-fast-forward or not: [rejected] (fetch first)",
}


@pytest.fixture
def project(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small repository whose main was pushed, in which the package works."""
    folder = gitops.project(origin, tmp_path / "project")
    for name in ("GH_TOKEN", "GITHUB_REF", "CI", "ATTESTATIONS", "RELEASE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of programs that are found first; `gh api` there knows the repository and opens pull requests."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/model")
    return folder


def github(programs: Path, private: bool = False, attestation: int = 0) -> Path:
    """Let `gh` answer for a repository, and return the record of its calls; *attestation* is how `verify` ends."""
    facts = {"html_url": "https://github.com/acme/model", "full_name": "acme/model", "private": private}
    pull = json.dumps({"html_url": "https://github.com/acme/model/pull/1", "number": 1})
    return gitops.program(
        programs, "gh",
        f"""case "$*" in
    attestation*) echo "no attestations found" >&2; exit {attestation} ;;
    *"--method POST"*pulls*|*POST*) cat >> "$0.bodies"; echo '{pull}' ;;
    *pulls*) echo '[]' ;;
    api*) echo '{json.dumps(facts)}' ;;
esac""",
    )  # fmt: skip


def refuse(origin: Path, words: str) -> None:
    """Let the host refuse every push with these words."""
    hook = origin / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)


def store_push(project: Path) -> None:
    """Push a file to the branch `store`."""
    (project / ".store").mkdir()
    (project / ".store/file").touch()
    branch.share()


def lock_push(project: Path) -> None:
    """Write a changed dvc.lock back to a branch."""
    gitops.lock(project, train="2", export="1")
    write_back.write_back("topic")


def main_push(project: Path) -> None:
    """Write a changed dvc.lock back to main: by a pull request."""
    gitops.lock(project, train="2", export="1")
    write_back.write_back("main")


def tag_push(project: Path) -> None:
    """Tag a version."""
    assert project.is_dir()
    tags.create("1", IMAGES[0], {}, "")


def promotion_push(project: Path) -> None:
    """Propose a version for production."""
    assert project.is_dir()
    promote.propose(Release("1", IMAGES[0], {}, ""))


@pytest.mark.parametrize("words", RULES.values(), ids=RULES)
@pytest.mark.parametrize("push", [store_push, lock_push, main_push, tag_push, promotion_push])
def test_push_that_the_host_refuses_is_an_error_with_its_words(
    push: Callable[[Path], None], words: str, project: Path, origin: Path, programs: Path
) -> None:
    github(programs, private=True)
    gitops.program(programs, "cosign")
    refuse(origin, words)
    with pytest.raises(ProjectError) as caught:
        push(project)
    assert words in caught.value.message
    assert git("tag", "--list", cwd=origin) == ""


@pytest.mark.parametrize(
    ("line", "overtaken"),
    [
        ("[rejected]        HEAD -> topic (fetch first)", True),
        ("[rejected]        HEAD -> topic (non-fast-forward)", True),
        ("[rejected]        model/v1 -> model/v1 (already exists)", True),
        ("[remote rejected] HEAD -> store (cannot lock ref 'refs/heads/store': is at 1a but expected 2b)", True),
        ("[remote rejected] HEAD -> store (failed to update ref)", True),
        ("[remote rejected] HEAD -> store (incorrect old value provided)", True),
        ("[remote rejected] HEAD -> a/b (cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create "
         "'refs/heads/a/b')", False),
        ("[remote rejected] HEAD -> topic (push declined due to repository rule violations)", False),
        ("[remote rejected] HEAD -> topic (protected branch hook declined)", False),
        ("[remote rejected] HEAD -> topic (pre-receive hook declined)", False),
        ("[remote rejected] HEAD -> x (refusing to allow a GitHub App to create or update workflow `.github/workflows/"
         "x.yml` without `workflows` permission)", False),
        ("[remote rejected] HEAD -> topic (push declined due to email privacy restrictions)", False),
    ],
)  # fmt: skip
def test_only_a_push_that_came_first_is_read_as_one(line: str, overtaken: bool) -> None:
    text = f"remote: some words\nTo https://github.com/acme/model\n ! {line}\nerror: failed to push some refs"
    assert bool(OVERTAKEN.search(text)) is overtaken


def tag(project: Path, name: str, message: str | None, commit: str = "HEAD") -> None:
    """Push a tag, annotated if it has a message."""
    words = [] if message is None else ["--annotate", "--message", message]
    git("tag", *words, name, commit, cwd=project)
    git("push", "--quiet", "origin", name, cwd=project)


@pytest.mark.parametrize(
    "image",
    ["x;touch${IFS}p;@sha256:" + "a" * 64, "$(touch p)@sha256:" + "a" * 64, IMAGES[0] + " extra", IMAGES[0][:-1],
     IMAGES[0].upper(), "registry.example.org/team/model:latest", "model@sha256:" + "a" * 64, "",
     "-x/y@sha256:" + "a" * 64, "r.org/a/../b@sha256:" + "a" * 64, "r.org/a\u00a0b@sha256:" + "a" * 64],
)  # fmt: skip
def test_tag_whose_image_is_no_digest_is_no_release(image: str, project: Path) -> None:
    tag(project, "model/v7", f"model 7\n\nimage: {image}\n")
    with pytest.raises(ProjectError, match="model/v7 is no tag of the workflow"):
        tags.find("7")
    with pytest.raises(ProjectError, match="is not an image digest"):
        overlay.checked(image)


def test_tag_of_somebody_else_is_reported_and_never_a_release(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tags.create("1", IMAGES[0], {}, "")
    git("checkout", "--quiet", "-b", "topic", cwd=project)
    git("commit", "--quiet", "--allow-empty", "-m", "Not reviewed", cwd=project)
    tag(project, "model/v999", f"model 999\n\nimage: {IMAGES[1]}\n")
    tag(project, "model/v998", None, "origin/main")
    tag(project, "model/v0", f"model 0\n\nimage: {IMAGES[1]}\n", "origin/main")
    tag(project, "model/vx", f"model x\n\nimage: {IMAGES[1]}\n", "origin/main")
    assert [one.version for one in tags.releases()] == ["1"]
    ignored = capsys.readouterr().err
    assert "model/v999" in ignored
    assert "its commit is not on origin/main" in ignored
    assert "model/v998" in ignored
    assert deploy.desired_release("staging") == Release("1", IMAGES[0], {}, "")
    with pytest.raises(ProjectError, match="no tag model/v"):
        tags.of_image(IMAGES[1])


def test_facts_of_a_tag_are_words_and_nothing_else(project: Path) -> None:
    lines = ["commit: " + "a" * 40 + "-dirty", "roc_auc: 0.8100", "x: `code` | <b>", "y: a b", "![i](z): 1"]
    tag(project, "model/v1", "\n".join(["model 1", "", f"image: {IMAGES[0]}", *lines]))
    found = tags.find("1")
    assert found is not None
    assert found.facts == {"commit": "a" * 40 + "-dirty", "roc_auc": "0.8100"}


def test_only_commits_of_main_are_tagged(project: Path, origin: Path) -> None:
    git("checkout", "--quiet", "-b", "topic", cwd=project)
    git("commit", "--quiet", "--allow-empty", "-m", "Not reviewed", cwd=project)
    with pytest.raises(ProjectError, match="only commits of main are released"):
        tags.create("1", IMAGES[0], {}, "")
    assert git("tag", "--list", cwd=origin) == ""


def built(project: Path, image: str, version: str = "7") -> None:
    """Let *image* be the one that was pushed last."""
    repository, _, digest = image.partition("@")
    labels = {"version": version, "model": "m" * 64}
    (project / "build").mkdir(exist_ok=True)
    metadata = {"repository": repository, "digest": digest, "labels": labels}
    (project / overlay.BUILT).write_text(json.dumps(metadata), encoding="utf-8")


def outputs(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Tag the last image as a workflow does, and return the outputs of that step."""
    file = project.parent / "outputs"
    file.unlink(missing_ok=True)
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    release.main.commands["tag"].callback()
    return dict(line.split("=") for line in file.read_text(encoding="utf-8").splitlines())


def test_tag_that_is_there_is_signed_again_only_if_it_has_the_image_of_this_run(
    project: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github(programs)
    calls = gitops.program(programs, "cosign")
    built(project, IMAGES[0])
    expected = {"name": IMAGES[0].partition("@")[0], "digest": IMAGES[0].partition("@")[2], "sign": "true"}
    assert outputs(project, monkeypatch) == expected
    assert outputs(project, monkeypatch) == expected, "a run that died before it signed may be repeated"
    gitops.push(project, "The same model, made again")
    built(project, IMAGES[1])
    assert outputs(project, monkeypatch) == expected | {"sign": "false"}, "released before, by this workflow"
    assert IMAGES[0] in calls.read_text(encoding="utf-8")


def test_tag_that_was_there_before_the_release_is_never_signed(
    project: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github(programs)
    gitops.program(programs, "cosign", "exit 1")
    tag(project, "model/v7", f"model 7\n\nimage: {IMAGES[1]}\n")
    built(project, IMAGES[0])
    with pytest.raises(ProjectError, match="model/v7 is no tag of the workflow `release`: it has another image"):
        outputs(project, monkeypatch)
    assert not (project.parent / "outputs").exists()


def test_tag_is_pushed_with_the_key_that_may_create_it(
    project: Path, origin: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = gitops.program(programs, "ssh", f'cat "$2" > "$0.key"; exec git-receive-pack {origin}')
    monkeypatch.setenv("RELEASE_KEY", "the key")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    assert tags.create("1", IMAGES[0], {}, "")
    words = calls.read_text(encoding="utf-8")
    assert "IdentitiesOnly=yes" in words
    assert "git@github.com git-receive-pack 'acme/model.git'" in words
    assert (programs / "ssh.key").read_text(encoding="utf-8") == "the key\n"
    assert git("tag", "--list", cwd=origin) == "model/v1"


@pytest.mark.parametrize("private", [True, False])
def test_identity_of_the_release_is_verified_by_both_programs(
    private: bool, programs: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.is_dir()
    gh, cosign = github(programs, private), gitops.program(programs, "cosign")
    assert IDENTITY in signatures.verify(IMAGES[0])
    options = f"--repo acme/model --cert-identity {IDENTITY} --cert-oidc-issuer {ISSUER}"
    attestation = f"attestation verify oci://{IMAGES[0]} {options}"
    assert (attestation in gh.read_text(encoding="utf-8").splitlines()) is not private
    assert cosign.read_text(encoding="utf-8").splitlines() == [
        f"verify --certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER} --output text {IMAGES[0]}"
    ]
    monkeypatch.setenv("ATTESTATIONS", "true")
    signatures.verify(IMAGES[0])
    assert attestation in gh.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("signature", "attestation"), [("exit 1", 0), ("", 1), ("exit 1", 1)])
def test_one_proof_that_fails_is_enough_to_refuse(
    signature: str, attestation: int, programs: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github(programs, attestation=attestation)
    gitops.program(programs, "cosign", signature)
    with pytest.raises(ProjectError, match=r"was not made by \.github/workflows/release\.yml@refs/heads/main"):
        signatures.verify(IMAGES[0])
    tags.create("1", IMAGES[0], {}, "")
    with pytest.raises(ProjectError, match="was not made by"):
        promote.propose(Release("1", IMAGES[0], {}, ""))
    assert git("branch", "--remotes", cwd=project).split() == ["origin/main"], "nothing was pushed"
    place = Place()
    monkeypatch.setattr(targets, "find", lambda environment, manifests: place)
    with pytest.raises(ProjectError, match="was not made by"):
        deploy.deploy("production", Release("1", IMAGES[0], {}, ""))
    assert place.applied == []


class Place:
    """A target that records what is applied."""

    def __init__(self) -> None:
        """Run nothing."""
        self.applied: list[str] = []

    def current(self) -> None:
        """Return what runs: nothing."""

    def apply(self, image: str) -> None:
        """Record *image*."""
        self.applied.append(image)


def test_without_cosign_a_workflow_refuses_and_a_laptop_needs_the_attestation(
    programs: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.is_dir()
    monkeypatch.setattr(signatures.shutil, "which", lambda name: None if name == "cosign" else f"/bin/{name}")
    github(programs)
    assert "attestation of" in signatures.verify(IMAGES[0])
    monkeypatch.setenv("CI", "true")
    with pytest.raises(ProjectError, match="cosign is not installed"):
        signatures.verify(IMAGES[0])
    monkeypatch.delenv("CI")
    github(programs, private=True)
    with pytest.raises(ProjectError, match="cosign is not installed"):
        signatures.verify(IMAGES[0])


COMMANDS: dict[str, Callable[[], Any]] = {
    "approved": lambda: release.main.commands["approved"].callback(),
    "tag": lambda: release.main.commands["tag"].callback(),
    "promote": lambda: promote.main.callback("challenger", False),
    "rollback": lambda: promote.main.callback("challenger", True),
    "deploy": lambda: deploy.main.commands["run"].callback("production"),
    "champion": lambda: deploy.main.commands["champion"].callback(),
    "deploy-failed": lambda: deploy.main.commands["failed"].callback(),
}


@pytest.mark.parametrize("ref", ["refs/heads/topic", "refs/tags/main", "refs/pull/7/merge", "refs/heads/main2"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_nothing_is_released_promoted_or_deployed_from_another_branch(
    command: Callable[[], Any], ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REF", ref)
    with pytest.raises(ProjectError, match="runs on main only"):
        command()


@pytest.mark.parametrize("version", ["0; touch X #", "$(touch X)", "-1", "", "1 2", "../x", "A", "1\n2", "--back"])
def test_version_is_a_number_or_an_alias(version: str) -> None:
    with pytest.raises(ProjectError, match="is no version"):
        promote.main.callback(version, False)


def rolled_back(project: Path) -> str:
    """Roll production back as `make rollback` proposes it and a merge decides; return the image."""
    git("fetch", "--quiet", "origin", cwd=project)
    promote.main.callback("challenger", True)
    head = git("for-each-ref", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads/promote",
               cwd=project.parent / "origin.git").splitlines()[0]  # fmt: skip
    git("fetch", "--quiet", "origin", head, cwd=project)
    git("merge", "--quiet", "--no-ff", "-m", f"Merge {head}", "FETCH_HEAD", cwd=project)
    git("push", "--quiet", "origin", "HEAD:main", f":refs/heads/{head}", cwd=project)
    return str(overlay.pinned((project / OVERLAY).read_text(encoding="utf-8")))


@pytest.fixture
def released(project: Path, programs: Path) -> Path:
    """Return a repository with three versions, all of which were promoted, the third last."""
    github(programs)
    gitops.program(programs, "cosign")
    for number, image in enumerate(IMAGES, 1):
        assert tags.create(str(number), image, {}, "")
        gitops.declare(project, image)
    return project


def test_each_rollback_goes_one_further_back_and_never_forward(released: Path) -> None:
    assert rolled_back(released) == IMAGES[1]
    assert rolled_back(released) == IMAGES[0]
    with pytest.raises(ProjectError, match="production has run nothing before"):
        rolled_back(released)
    gitops.declare(released, IMAGES[2])
    assert rolled_back(released) == IMAGES[0]


def test_revert_on_the_page_of_github_counts_as_a_rollback(released: Path) -> None:
    git("revert", "--no-edit", "HEAD", cwd=released)
    git("push", "--quiet", "origin", "HEAD:main", cwd=released)
    api.fetch()
    assert production.went_back()
    assert rolled_back(released) == IMAGES[0]


def test_deployment_of_a_rollback_is_recorded_as_one(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[tuple[str, bool]] = []

    def record(version: str, reason: str | None, back: bool) -> tuple[str, bool]:
        assert reason is None
        records.append((version, back))
        return version, True

    monkeypatch.setattr(deploy.registry, "promote", record)
    monkeypatch.delenv("GITHUB_SHA", raising=False)
    champion = COMMANDS["champion"]
    champion()
    rolled_back(released)
    champion()
    assert records == [("3", False), ("2", True)]


@given(st.lists(st.integers(1, 6).map(str)))
def test_line_of_champions_goes_back_to_the_first(declared: list[str]) -> None:
    images = [image for place, image in enumerate(declared) if declared[place - 1 : place] != [image]]
    line = production.line(images)
    assert len(set(line)) == len(line)
    assert line[-1:] == images[-1:]
    assert line[:1] == images[:1]
    while len(line) > 1:  # rolling back to the previous one leaves the line without the last
        images.append(line[-2])
        assert production.line(images) == line[:-1]
        line = line[:-1]


def test_old_checkout_has_no_say_in_what_production_runs(
    released: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody runs the deployment of an older commit again."""
    (released / "deploy/base.yaml").write_text("newest", encoding="utf-8")
    gitops.push(released, "Newer manifests")
    old = tmp_path / "old"
    git("clone", "--quiet", "--depth=1", f"file://{origin}", str(old), cwd=tmp_path)
    git("fetch", "--quiet", "origin", git("rev-list", "--skip=2", "--max-count=1", "main", cwd=origin), cwd=old)
    git("checkout", "--quiet", "--detach", "FETCH_HEAD", cwd=old)
    monkeypatch.chdir(old)
    monkeypatch.setattr(deploy.Path, "cwd", lambda: old)
    assert overlay.pinned((old / OVERLAY).read_text(encoding="utf-8")) == IMAGES[1]
    declared = deploy.desired_release("production")
    assert declared is not None
    assert declared.version == "3"
    with production.manifests() as folder:
        assert (folder / "base.yaml").read_text(encoding="utf-8") == "newest"


def test_release_of_an_old_commit_releases_nothing(released: Path) -> None:
    approved = COMMANDS["approved"]
    approved()
    gitops.lock(released, train="2", export="1")
    with pytest.raises(ProjectError, match="does not match its code and data"):
        approved()
    gitops.push(released, "Another model")
    approved()
    git("checkout", "--quiet", "HEAD^", cwd=released)
    with pytest.raises(ProjectError, match="main has approved another model since this commit"):
        approved()


def test_push_that_came_first_is_no_error(project: Path, origin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git("clone", "--quiet", str(origin), str(other), cwd=tmp_path)
    for name, value in (("user.name", "Bob"), ("user.email", "bob@example.org")):
        git("config", name, value, cwd=other)
    (other / "file").touch()
    gitops.push(other, "First")
    git("commit", "--quiet", "--allow-empty", "-m", "Second", cwd=project)
    assert not push_ref("origin", "HEAD:main")
