"""What `make setup-github` sets at GitHub, which is recorded calls: owners, rules, environments, the release key."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import contracts, gitops, models

from mlgitops.common.errors import ProjectError
from mlgitops.github import api, repository

RUNS = "/actions/workflows/release.yml/runs?branch=main&per_page=20"


class Settings:
    """The settings of a repository at GitHub, as the API keeps them."""

    def __init__(self, people: int = 2, teams: tuple[str, ...] = (), paid: bool = True) -> None:
        """Let *people* have the right to write, as members of *teams*."""
        self.rulesets: dict[str, dict[str, Any]] = {}
        self.keys: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.runs: list[dict[str, Any]] = [{"id": 1, "status": "completed"}]
        names = ["ada", "bob", "reader"]
        self.people = [{"login": name, "permissions": {"push": at < people}} for at, name in enumerate(names)]
        self.teams = [{"slug": name, "permission": "push" if name != "readers" else "pull"} for name in teams]
        self.paid = paid

    def answer(self, path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
        """Answer a request."""
        self.calls.append((method, path))
        if path.startswith("/rulesets") and not self.paid:
            assert "Upgrade to GitHub" in missing
            return None
        if method in ("POST", "PUT") and path.startswith("/rulesets"):
            self.rulesets[body["name"]] = body
        if (method, path) == ("POST", "/keys"):
            self.keys.append(body)
        listed = {"/rulesets": [{"name": name, "id": at} for at, name in enumerate(self.rulesets, 1)],
                  "/keys?per_page=100": self.keys, "/teams?per_page=100": self.teams,
                  "/collaborators?per_page=100&page=1": self.people, "/collaborators?per_page=100&page=2": [],
                  "": {"owner": {"login": "acme"}},
                  RUNS: {"workflow_runs": self.runs}}  # fmt: skip
        return listed.get(path, {"branch_policies": [{"name": "main"}]})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Settings, list[str]]]:
    """Return a function that applies the settings of the template, and returns what GitHub has and the owners' line."""
    folder = tmp_path / "project"
    folder.mkdir()
    models.write_project(folder, contracts.example())
    shutil.copytree(GITHUB / "rulesets", folder / ".github/rulesets")
    shutil.copy(GITHUB / "CODEOWNERS", folder / ".github/CODEOWNERS")
    monkeypatch.chdir(folder)
    (tmp_path / "bin").mkdir()
    secrets = gitops.program(tmp_path / "bin", "gh", 'cat > "$0.secret"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    def apply(settings: Settings, owner: str | None = None) -> tuple[Settings, list[str]]:
        monkeypatch.setattr(api, "api", settings.answer)
        repository.main.callback(owner)
        assert set(secrets.read_text(encoding="utf-8").splitlines()) <= {"secret set RELEASE_KEY --env release"}
        lines = (folder / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
        return settings, [line for line in lines if not line.startswith("#")]

    return apply


GITHUB = Path(__file__).parents[2] / ".github"
Apply = Callable[..., tuple[Settings, list[str]]]


def rules(settings: Settings, name: str) -> dict[str, Any]:
    """Return the rules of a ruleset, by type."""
    return {rule["type"]: rule.get("parameters", {}) for rule in settings.rulesets[name]["rules"]}


def test_settings_are_applied_once_and_again(settings: Apply, tmp_path: Path) -> None:
    github, _ = settings(Settings())
    before = len(github.calls)
    secret = (tmp_path / "bin/gh.secret").read_text(encoding="utf-8")
    assert "OPENSSH PRIVATE" in secret.splitlines()[0]
    settings(github)
    assert sorted(github.rulesets) == ["main", "releases", "store", "versions"]
    assert [path for method, path in github.calls if method == "POST"] == ["/keys"] + ["/rulesets"] * 4
    again = [path for method, path in github.calls[before:] if method == "PUT" and "rulesets" in path]
    assert again == [f"/rulesets/{number}" for number in (1, 2, 3, 4)]
    assert (tmp_path / "bin/gh.secret").read_text(encoding="utf-8") == secret, "the key is not made twice"
    (key,) = github.keys
    assert key["key"].startswith("ssh-ed25519 ")
    assert key["read_only"] is False


def test_release_that_began_without_the_key_starts_again(settings: Apply) -> None:
    facts = Settings()
    facts.runs += [{"id": 2, "status": "in_progress"}, {"id": 3, "status": "queued"}]
    github, _ = settings(facts)
    started = [path for method, path in github.calls if method == "POST" and path.startswith("/actions")]
    cancelled = [f"/actions/runs/{number}/cancel" for number in (2, 3)]
    assert started == [*cancelled, "/actions/workflows/release.yml/dispatches"]
    before = len(github.calls)
    settings(github)
    assert not [path for _, path in github.calls[before:] if path.endswith("cancel")], "it has the key now"


def test_tags_of_versions_are_created_with_the_key_of_the_release_alone(settings: Apply) -> None:
    github, _ = settings(Settings())
    assert rules(github, "releases").keys() == {"creation"}
    assert github.rulesets["releases"]["bypass_actors"] == [
        {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}
    ]
    assert rules(github, "versions").keys() == {"deletion", "update", "non_fast_forward"}
    assert github.rulesets["versions"]["bypass_actors"] == []
    for name in ("main", "releases", "store", "versions"):
        assert github.rulesets[name]["enforcement"] == "active"


@pytest.mark.parametrize(
    ("facts", "owner", "line"),
    [
        (Settings(), None, "* @ada @bob"),
        (Settings(teams=("ml", "readers", "data")), None, "* @acme/data @acme/ml"),
        (Settings(teams=("ml",)), "@acme/others @eve", "* @acme/others @eve"),
        (Settings(people=1), None, "* @ada"),
    ],
)
def test_owner_of_every_file_is_set(facts: Settings, owner: str | None, line: str, settings: Apply) -> None:
    github, lines = settings(facts, owner)
    assert lines[0] == line
    assert settings(github)[1] == lines, "the owners stay"
    assert settings(github, "@somebody")[1][0] == "* @somebody"
    pull = rules(github, "main")["pull_request"]
    alone = len([one for one in facts.people if one["permissions"]["push"]]) == 1
    assert pull["required_approving_review_count"] == (0 if alone else 1)
    assert pull["require_code_owner_review"] is not alone
    assert pull["require_last_push_approval"] is not alone
    assert pull["dismiss_stale_reviews_on_push"] is True


@pytest.mark.parametrize("owner", ["acme", "@", "@a;b", "a@b.org", "@acme/", "@a\n* @eve", " "])
def test_owner_that_github_does_not_know_is_refused(owner: str, settings: Apply) -> None:
    with pytest.raises(ProjectError, match="OWNER=@organization/team"):
        settings(Settings(), owner)


def test_repository_without_the_paid_plan_is_told_what_it_lacks(
    settings: Apply, capsys: pytest.CaptureFixture[str]
) -> None:
    github, lines = settings(Settings(paid=False))
    assert "paid plans only" in capsys.readouterr().out
    assert github.keys == []
    assert ("PUT", "/actions/permissions/workflow") in github.calls
    assert lines[0] == "* @ada @bob"
