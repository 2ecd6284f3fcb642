"""The workflows of a generated repository, executed: from the first push to production, and back."""

import contextlib
import json
import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import containers, servers
from helpers.acting import REPOSITORY, Actions, Run, published
from helpers.pages import blocks
from helpers.support import TEMPLATE, bake, copied, need, run, sources

pytestmark = pytest.mark.tools

BASE = "docker.io/library/python:3.11-slim"
TOOLS = [*containers.TOOLS, "jq", "act", "gh", "podman-compose"]
LEFT_OUT = {"ci.yml", "pages.yml", "platform.yml"}  # pages waits for a setting
MODEL = ("train.yml", "review.yml", "release.yml", "deploy.yml")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], str]]:
    """Return the environment of an engine of containers of its own, and the address of a registry of images."""
    need(TOOLS)
    folder, registry = tmp_path_factory.mktemp("engine"), f"localhost:{servers.free_port()}"
    environment = containers.engine(folder, registry)
    with containers.serving(folder, registry):
        yield environment, registry
    run("podman", "rm", "--all", "--force", cwd=folder, **environment)
    run("podman", "rmi", "--all", "--force", cwd=folder, **environment)


@pytest.fixture(scope="module")
def started(project: Path, engine: tuple[dict[str, str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository whose first model was made on a laptop as the tutorial says: not committed, not pushed.

    Its environment and the outputs of its pipeline are those of `project`, which the tutorial generates as well.
    """
    folder, (environment, registry) = tmp_path_factory.mktemp("started"), engine
    ((_, made),) = blocks("tutorial.md", "1. Generate the project")
    asked, model = made.replace("TEMPLATE", str(TEMPLATE)).split("cd flight-delays\n")
    run("bash", "-euc", f"yes '' | {asked}", cwd=folder)  # Enter at each question
    assert committed(folder / project.name) == committed(project)
    shutil.rmtree(folder / project.name)
    copy = copied(project, folder)
    base = containers.base(BASE, registry, folder, os.environ | environment)
    edit(copy, "params.yaml", r"(?m)^  base: .*$", f"  base: {base}")
    setup, everything = model.splitlines()
    assert setup == "make setup"  # done for `project`
    run("bash", "-euc", everything, cwd=copy, **sources(copy))
    return copy


def committed(project: Path) -> str:
    """Return the digest of each file of the first commit, except the one that fewer_flights has changed."""
    (first,) = run("git", "rev-list", "--max-parents=0", "HEAD", cwd=project).split()
    listed = run("git", "ls-tree", "-r", first, cwd=project)
    return re.sub(r"(?m)^.*/dataset\.py$", "", listed)


@contextlib.contextmanager
def at_github(work: Path, folder: Path, engine: tuple[dict[str, str], str]) -> Iterator[Actions]:
    """Give *work* a GitHub of its own, where nothing was pushed yet, and machines to deploy to."""
    environment, registry = engine
    found = Actions(folder, work, environment)
    found.machines = {
        name: {"SCORING_PORT": str(servers.free_port())} for name in ("staging.yml", "deploy.yml")
    }  # staging and production
    found.variables |= {"REGISTRY": registry, "DEPLOY_TARGET": "compose"}
    found.left_out = {*LEFT_OUT}
    yield found
    found.close()


@pytest.fixture
def laptop(
    started: Path, engine: tuple[dict[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Actions]:
    """Return a copy of `started` with its environment, registry and hooks; GitHub knows nothing of it."""
    with at_github(copied(started, tmp_path), tmp_path, engine) as found:
        monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "bin/ssh"))
        found.shell("make hooks")
        yield found


@pytest.fixture
def actions(started: Path, engine: tuple[dict[str, str], str], tmp_path: Path) -> Iterator[Actions]:
    """Return a repository at GitHub, with a copy of `started` to work in, whose commit is not pushed yet."""
    work = tmp_path / started.name
    made = shutil.ignore_patterns(".venv", ".store", "cache", "__pycache__")
    shutil.copytree(started, work, ignore=made, symlinks=True)
    with at_github(work, tmp_path, engine) as found:
        run("git", "remote", "add", "origin", str(found.origin), cwd=work)
        found.commit("The first model")
        yield found


def edit(project: Path, name: str, pattern: str, replacement: str) -> None:
    """Change one place of a file of the project."""
    path = project / name
    text, times = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
    assert times == 1, f"{name}: {pattern} is there {times} times"
    path.write_text(text, encoding="utf-8")


def green(runs: list[Run], *workflows: str) -> list[Run]:
    """Return *runs* once it is sure that all of them succeeded, and that they are of these workflows, in any order."""
    for one in runs:
        assert one.ok, f"{one.workflow} ({one.event}): {one.jobs}\n{one.failures}"
    assert sorted(one.workflow for one in runs) == sorted(workflows)
    return runs


def running(actions: Actions, workflow: str) -> str:
    """Return the version that answers where a workflow deploys."""
    url = f"http://127.0.0.1:{actions.machines[workflow]['SCORING_PORT']}/lineage"
    with urllib.request.urlopen(url, timeout=10) as answer:  # one of this machine
        return str(json.load(answer)["version"])


def comments(actions: Actions, number: int) -> list[str]:
    """Return the comments below a pull request."""
    return [one["body"] for one in actions.hub.comments.values() if one["issue"] == number]


def git(actions: Actions, *words: str) -> str:
    """Return what git says of the repository at GitHub."""
    return run("git", *words, cwd=actions.origin).strip()


def registry(actions: Actions, *words: str) -> str:
    """Return what a laptop that has pulled sees in the registry."""
    program = Path(actions.environment["UV_PROJECT_ENVIRONMENT"]) / "bin/flight_delays"
    here = sources(actions.work)
    run(str(program), "pull-store", cwd=actions.work, **here)
    return run(str(program), "registry", *words, cwd=actions.work, **here)


def branch(actions: Actions, name: str, start: str = "origin/main") -> None:
    """Begin a branch where main is."""
    run("git", "fetch", "--quiet", "origin", cwd=actions.work)
    run("git", "checkout", "--quiet", "--force", "-B", name, start, cwd=actions.work)


def test_tutorial_leads_into_production(laptop: Actions) -> None:
    into_production(laptop)


@pytest.mark.nightly
def test_tutorial_leads_into_production_and_back(laptop: Actions) -> None:
    into_production(laptop)
    and_back(laptop)


def into_production(laptop: Actions) -> None:
    """Follow the tutorial to the second version in production."""
    # 3. the first push: what the laptop made and shared is taken as it is, and released
    (_, first_push), (_, promote) = blocks("tutorial.md", "3. Bring it to GitHub")
    _, runs = laptop.shell(first_push)
    green(runs, "train.yml", "review.yml", "release.yml", "staging.yml", "deploy.yml")
    assert laptop.hub.settings["created"]["visibility"] == "PUBLIC"
    assert [rule["target"] for rule in laptop.hub.rulesets.values()] == ["branch", "tag", "branch", "tag"]
    assert laptop.hub.environment_secrets["release"].keys() == {"RELEASE_KEY"}
    first = git(laptop, "rev-parse", "main")
    message = git(laptop, "tag", "--list", "--format=%(contents)", "model/v1")
    image = re.search(r"(?m)^image: (\S+@sha256:[0-9a-f]{64})$", message)
    assert image
    assert git(laptop, "rev-list", "-n1", "model/v1") == first
    assert "Model accepted" in message
    assert running(laptop, "staging.yml") == "1"
    assert "production runs nothing yet" in runs[[one.workflow for one in runs].index("deploy.yml")].log
    release = next(one for one in runs if one.workflow == "release.yml")
    assert [words for words in release.used("cosign") if words[0] != "login"] == [["sign", "--yes", image[1]]]
    staged = next(one for one in runs if one.workflow == "staging.yml")
    verified = [words for words in [*staged.used("cosign"), *staged.used("attestation")] if words[0] != "login"]
    for words in verified:
        assert f"https://github.com/{REPOSITORY}/.github/workflows/release.yml@refs/heads/main" in words
        assert "verify" in words
    assert len(verified) == 2
    assert [image[1] in str(staged.used(program)) for program in ("cosign", "attestation")] == [True, True]
    attested = release.used("actions/attest")
    assert [one["subject-digest"] for one in attested] == [*[image[1].partition("@")[2]] * 2, ""]
    assert attested[2]["subject-path"] == "models/export/*"
    assert attested[1]["sbom-path"] == "build/sbom.cdx.json"
    promoted(laptop, promote, "1")

    # 4. another setting: what changed is run, dvc.lock is written back, the reviewer sees the model
    text = (TEMPLATE / "docs/tutorial.md").read_text(encoding="utf-8")
    changed = re.search(r"`(max_iter: \d+)` instead of\s`(\d+)`", text)
    assert changed
    edit(laptop.work, "params.yaml", f"max_iter: {changed[2]}", changed[1])
    ((_, change),) = blocks("tutorial.md", "4. Change the model")
    _, runs = laptop.shell(change)
    green([one for one in runs if one.jobs], *["train.yml", "review.yml"] * 2, "review.yml")
    assert re.findall(r"Running stage '(\w+)'", runs[0].log) == ["train", "evaluate", "export"]
    good, head = max(laptop.hub.pulls), git(laptop, "rev-parse", "more-trees")
    (shown,) = comments(laptop, good)
    for part in ("Model accepted", "roc_auc", "max_iter", "Gates", "Lineage", "review.html", head[:10]):
        assert part in shown
    assert git(laptop, "log", "-1", "--format=%s", "more-trees") == "Retrain: train, evaluate, export"

    # 5. the good branch is merged: nothing is trained again; into production, by a pull request that a person merges
    assert registry(laptop, "show", "challenger").splitlines()[0] == "version: 1"
    runs = green(laptop.merge(good), "train.yml", "review.yml", "release.yml", "staging.yml")
    assert not [one for one in runs if "Running stage" in one.log]
    assert registry(laptop, "show", "challenger").splitlines()[0] == "version: 2"
    assert running(laptop, "staging.yml") == "2"
    assert git(laptop, "tag", "--list", "model/*").split() == ["model/v1", "model/v2"]
    ((_, promote),) = blocks("tutorial.md", "5. Approve, release, promote")
    laptop.left_out |= {"train.yml", "review.yml"}  # the first promotion has run them
    promoted(laptop, promote, "2")
    laptop.left_out -= {"train.yml", "review.yml"}

    # 6. what production runs, on a laptop
    ((_, look),) = blocks("tutorial.md", "6. Look at what runs")
    port = str(servers.free_port())
    wait = f"curl --silent --output /dev/null --retry 60 --retry-all-errors http://127.0.0.1:{port}/readyz"
    laptop.program("docker", f'shift; podman-compose "$@"; case "$*" in *--wait) {wait};; esac')  # as Docker does
    laptop.laptop["PORT"] = port
    said, _ = laptop.shell(look.replace(":3000/", f":{port}/").replace("curl http", "curl --silent http"))
    answer, _ = json.JSONDecoder().raw_decode(said[said.index("{\n") :])
    assert answer["version"] == "2"
    laptop.shell("IMAGE=none docker compose --file deploy/compose.yaml down")
    (laptop.folder / "bin/docker").unlink()


@pytest.fixture
def accepted(champion: Path, tmp_path: Path) -> Iterator[Actions]:
    """Return a repository at GitHub whose main and store have the champion that a laptop has pushed."""
    need(["act", "gh", "jq"])
    actions = published(champion, tmp_path)
    actions.left_out = {*LEFT_OUT}
    yield actions
    actions.close()


def test_worse_model_and_then_bad_data_turn_the_check_red_and_one_comment_says_why(accepted: Actions) -> None:
    branch(accepted, "worse")
    edit(accepted.work, "params.yaml", "max_iter: 100", "max_iter: 1")
    edit(accepted.work, "params.yaml", "max_leaf_nodes: 31", "max_leaf_nodes: 2")
    accepted.commit("Hardly any trees")
    runs = accepted.push("worse")
    assert [one.jobs for one in runs if one.workflow == "train.yml"] == [{"train": "failure"}] * 2
    number = accepted.open("worse")
    (refused,) = comments(accepted, number)
    assert "Model refused by" in refused
    run("git", "pull", "--quiet", "--rebase", "origin", "worse", cwd=accepted.work)
    edit(
        accepted.work,
        "src/flight_delays/dataset.py",
        r'"distance": joined\["distance"\]',
        '"distance": -joined["distance"]',
    )
    pushed = accepted.commit("Another source")
    trained = [one for one in accepted.push("worse") if one.workflow == "train.yml" and one.jobs]
    assert {one.jobs["train"] for one in trained} == {"failure"}
    assert re.findall(r"Running stage '(\w+)'", trained[0].log) == ["ingest", "validate"]
    assert git(accepted, "rev-parse", "worse") == pushed, "nothing is written back"
    (comment,) = comments(accepted, number)
    assert comment != refused
    for part in ("The data breaks the contract", "distance", "row "):
        assert part in comment
    assert {one.workflow for one in accepted.runs} == {"train.yml", "review.yml"}
    assert registry(accepted, "show", "challenger").splitlines()[0] == "version: 1", "nothing is registered"


def and_back(laptop: Actions) -> None:
    """Make a version again, roll back, and let a deployment fail."""
    (again,) = green(laptop.dispatch("rebuild.yml", version="2"), "rebuild.yml")
    assert "outputs are equal" in again.log

    # 7. back
    ((_, back),) = blocks("tutorial.md", "7. Roll back")
    promoted(laptop, back, "1")

    # a version that fails in production only: the one before runs again, and everybody is told
    spoil(laptop, "2")
    laptop.machines["deploy.yml"]["DEPLOY_SECONDS"] = "45"  # for the one before, too, on a busy machine
    laptop.dispatch("promote.yml", version="2")
    number = max(laptop.hub.pulls)
    deployed = next(one for one in laptop.merge(number) if one.workflow == "deploy.yml")
    assert deployed.jobs == {"production": "failure"}
    assert running(laptop, "deploy.yml") == "1"
    assert registry(laptop, "show").splitlines()[0] == "version: 1"
    (told,) = (text for text in comments(laptop, number) if "The deployment of version 2 to production failed" in text)
    repaired = max(laptop.hub.pulls)
    assert laptop.hub.pulls[repaired]["html_url"] in told
    laptop.merge(repaired)
    assert running(laptop, "deploy.yml") == "1"

    # who, when, what, on what evidence
    past = registry(laptop, "history").splitlines()
    assert [re.split(r"  +", line)[1:4] for line in past[1:]] == [
        ["octocat", "promoted", "1"], ["octocat", "promoted", "2"], ["octocat", "rolled back to", "1"],
    ]  # fmt: skip
    assert all("/pull/" in line for line in past[1:])


def promoted(actions: Actions, said: str, version: str) -> None:
    """Put a version into production: commands open a pull request, a person merges it, production answers."""
    printed, _ = actions.shell(said)
    number = max(actions.hub.pulls)
    assert printed.splitlines()[-1] == actions.hub.pulls[number]["html_url"]
    assert f"version {version}" in actions.hub.pulls[number]["title"]
    assert "Model accepted" in actions.hub.pulls[number]["body"]
    merged = actions.merge(number)
    green([one for one in merged if one.workflow == "deploy.yml"], "deploy.yml")
    assert running(actions, "deploy.yml") == version
    assert registry(actions, "show").splitlines()[0] == f"version: {version}"


def spoil(actions: Actions, version: str) -> None:
    """Let the image of a version not start any more, wherever it is deployed from now on."""
    message = git(actions, "tag", "--list", "--format=%(contents)", f"model/v{version}")
    found = re.search(r"(?m)^image: (\S+)$", message)
    assert found
    real = shutil.which("podman-compose")
    actions.program("podman-compose", f'[ "$IMAGE" != "{found[1]}" ] || export SCORING_WORKERS=none\nexec {real} "$@"')


@pytest.mark.parametrize(
    "schedule",
    ["nightly", pytest.param("weekly", marks=pytest.mark.nightly), pytest.param("monthly", marks=pytest.mark.nightly)],
)
def test_schedule_starts_the_workflow_that_it_is_for(schedule: str, tmp_path: Path) -> None:
    (tmp_path / "github").mkdir()
    actions = Actions(tmp_path / "github", bake(tmp_path), {})
    try:
        run("git", "remote", "add", "origin", str(actions.origin), cwd=actions.work)
        names = [path.name for path in (actions.work / ".github/workflows").iterdir()]
        actions.left_out = {*names} - {f"{schedule}.yml"}
        actions.push("main")
        actions.variables |= {"MONITOR_DATA": "data/recent.sql", "SCORE_DATA": "data/tonight.sql"}
        green(actions.dispatch(f"{schedule}.yml"), f"{schedule}.yml")
        calls = [call for call in actions.hub.calls if call[1].endswith("/dispatches")]
        started = {
            sorted(names)[int(call[1].split("/")[-2]) - 1] for call in calls
        }  # gh names a workflow by its number
        expected = {"nightly": {"monitor.yml", "score.yml"}, "weekly": {"train.yml"}, "monthly": {"template.yml"}}
        assert started == expected[schedule]
        assert len(calls) == len(started)
        assert {call[2]["ref"] for call in calls} == {"main"}
        assert ["refresh" in call[2].get("inputs", {}) for call in calls] == [schedule == "weekly"] * len(calls)
    finally:
        actions.close()


@pytest.fixture
def pushed(actions: Actions) -> Actions:
    """Return a repository whose first model was pushed, trained again and put into the store; nothing is released."""
    actions.left_out |= {"release.yml", "deploy.yml"}
    green(actions.push("main"), "train.yml", "review.yml")
    return actions


def kept(actions: Actions) -> str:
    """Return the head of the branch `store`."""
    return git(actions, "rev-parse", "store")


@pytest.mark.nightly
def test_pull_request_of_a_fork_is_reviewed_without_a_right_or_a_secret(pushed: Actions) -> None:
    pushed.secrets["SCORING_API_KEY"] = "open-sesame"
    branch(pushed, "gift")
    edit(pushed.work, "params.yaml", "max_iter: 100", "max_iter: 90")
    edit(pushed.work, "Makefile", r"(?m)^(pipeline:.*)$", r"\1\n\t@env")  # what its code can see
    pushed.commit("A gift")
    before, first = (kept(pushed), git(pushed, "for-each-ref", "refs/heads")), len(pushed.runs)
    number = pushed.fork("gift")
    train, review = green(pushed.runs[first:-1], "train.yml", "review.yml")
    assert pushed.runs[-1].event == "pull_request_target"
    assert (train.event, review.event) == ("pull_request", "workflow_run")
    assert "SCORING_API_KEY" not in train.log
    assert "make push-store" not in train.steps
    assert "make write-back" not in train.steps
    assert (kept(pushed), git(pushed, "for-each-ref", "refs/heads")) == before
    (shown,) = comments(pushed, number)
    assert "This pull request comes from a fork" in shown
    assert "Unverified" in shown.splitlines()[1]
    assert "roc_auc" in shown


@pytest.mark.nightly
def test_push_to_main_that_leaves_the_lock_behind_becomes_a_pull_request(pushed: Actions) -> None:
    branch(pushed, "main")
    edit(pushed.work, "params.yaml", "max_iter: 100", "max_iter: 95")
    stale = pushed.commit("Straight to main")
    pushed.left_out.discard("release.yml")
    green(pushed.push("main"), "train.yml", "review.yml", "train.yml", "review.yml")
    assert git(pushed, "rev-parse", "main") == stale
    (pull,) = pushed.hub.pulls.values()
    assert pull["title"] == "Retrain: train, evaluate, export"
    assert git(pushed, "diff", "--name-only", "main", "retrain") == "dvc.lock"
    pushed.variables["DEPLOY_TARGET"] = "none"
    released, staged = [one for one in pushed.merge(pull["number"]) if one.workflow in ("release.yml", "staging.yml")]
    green([released, staged], "release.yml", "staging.yml")
    assert "DEPLOY_TARGET is not set" in staged.log
    # every job again, and by hand: nothing is made twice
    tag, versions = git(pushed, "rev-parse", "model/v1"), registry(pushed, "show", "challenger")
    green(pushed.dispatch("release.yml"), "release.yml", "staging.yml")
    assert git(pushed, "tag", "--list") == "model/v1"
    assert git(pushed, "rev-parse", "model/v1") == tag
    assert registry(pushed, "show", "challenger") == versions


@pytest.mark.nightly
def test_run_that_another_push_has_overtaken_writes_nothing_back(pushed: Actions) -> None:
    branch(pushed, "topic")
    edit(pushed.work, "params.yaml", "max_iter: 100", "max_iter: 80")
    first = pushed.commit("First")
    run("git", "push", "--quiet", "--no-verify", "origin", "HEAD:topic", cwd=pushed.work)
    edit(pushed.work, "params.yaml", "max_iter: 80", "max_iter: 70")
    second = pushed.commit("Second")
    run("git", "push", "--quiet", "--no-verify", "origin", "HEAD:topic", cwd=pushed.work)
    late = pushed.start("train.yml", "push", {"ref": "refs/heads/topic", "before": "0" * 40, "after": first}, first)
    assert "has a newer commit" in late.log
    assert git(pushed, "rev-parse", "topic") == second
    pushed.pushed("topic", first)
    pushed.settle()
    assert git(pushed, "log", "-1", "--format=%s%n%P", "topic") == f"Retrain: train, evaluate, export\n{second}"


@pytest.mark.nightly
def test_code_is_checked_by_the_workflow_that_main_requires(pushed: Actions) -> None:
    pushed.left_out = {"train.yml", "release.yml", "deploy.yml", "pages.yml"}
    branch(pushed, "topic")
    wrong = '"""Wrong."""\n\n\ndef test_wrong() -> None:\n    assert 1 == 2\n'
    (pushed.work / "tests/test_wrong.py").write_text(wrong, encoding="utf-8")
    pushed.commit("A test that fails")
    run("git", "push", "--quiet", "--no-verify", "origin", "HEAD:topic", cwd=pushed.work)
    pushed.hub.open_pull("topic")
    pushed.pull_request(1, "opened")
    checked = next(one for one in pushed.runs if one.workflow == "ci.yml")
    assert checked.jobs == {"check": "success", "test": "failure", "pass": "failure"}
    green(pushed.dispatch("ci.yml"), "ci.yml")


@pytest.mark.nightly
def test_runs_and_versions_are_on_a_server_where_a_variable_names_one(
    actions: Actions, started: Path, tmp_path: Path
) -> None:
    python = started / ".venv/bin/python"
    actions.left_out.add("deploy.yml")
    with servers.postgres() as database, servers.mlflow(python, database, tmp_path) as url:
        actions.variables |= {"MLFLOW_TRACKING_URI": url, "DEPLOY_TARGET": "none"}
        green(actions.push("main"), "train.yml", "review.yml", "release.yml", "staging.yml")
        there = {"MLFLOW_TRACKING_URI": url, **sources(actions.work)}
        said = run(str(python.with_name("flight_delays")), "registry", "show", "challenger", cwd=actions.work, **there)
        assert said.splitlines()[0] == "version: 1"
    assert git(actions, "tag", "--list") == "model/v1"
    listed = git(actions, "ls-tree", "-r", "--name-only", "store").splitlines()
    assert [name for name in listed if name.startswith("mlflow/")] == []
    assert any(name.startswith("dvc/") for name in listed)


@pytest.mark.nightly
def test_run_that_dies_half_way_leaves_nothing_half_done(pushed: Actions) -> None:
    def refs() -> str:
        return git(pushed, "for-each-ref", "refs/heads", "refs/tags")

    pushed.left_out.discard("release.yml")
    pushed.variables["DEPLOY_TARGET"] = "none"
    branch(pushed, "topic")
    edit(pushed.work, "params.yaml", "max_iter: 100", "max_iter: 60")
    commit = pushed.commit("Fewer")
    run("git", "push", "--quiet", "--no-verify", "origin", "HEAD:topic", cwd=pushed.work)
    before, payload = refs(), {"ref": "refs/heads/topic", "before": "0" * 40, "after": commit}
    assert not pushed.start("train.yml", "push", payload, commit, dies_at="Running stage 'train'").ok
    assert refs() == before
    green([pushed.start("train.yml", "push", payload, commit)], "train.yml")
    assert git(pushed, "log", "-1", "--format=%s", "topic") == "Retrain: train, evaluate, export"
    # registered, and then nothing: the next run goes on from there, and makes no second version
    main = git(pushed, "rev-parse", "main")
    payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": main}
    assert not pushed.start("release.yml", "push", payload, main, dies_at="Run Main make image").ok
    assert git(pushed, "tag", "--list") == ""
    assert registry(pushed, "show", "challenger").splitlines()[0] == "version: 1"
    green([pushed.start("release.yml", "push", payload, main)], "release.yml")
    assert git(pushed, "tag", "--list") == "model/v1"
    assert registry(pushed, "show", "challenger").splitlines()[0] == "version: 1"


@pytest.mark.nightly
def test_rows_that_drifted_turn_the_monitor_red(actions: Actions, started: Path) -> None:
    halved = "t = pd.read_parquet('data/test.parquet'); t.assign(distance=t.distance / 2).to_csv('data/recent.csv')"
    run(str(started / ".venv/bin/python"), "-c", f"import pandas as pd; {halved}", cwd=actions.work)
    edit(actions.work, "params.yaml", "drift_alarm: false", "drift_alarm: true")
    actions.commit("What came in lately")
    actions.left_out |= {*MODEL}
    assert actions.push("main") == []
    (skipped,) = actions.dispatch("monitor.yml")
    assert not skipped.jobs, "nobody has said where the recent rows are"
    actions.variables["MONITOR_DATA"] = "data/recent.csv"
    red, *_ = actions.dispatch("monitor.yml")
    assert red.jobs == {"monitor": "failure", "respond": "success"}
    assert re.search(r"Error: distance(, the model's probability)? drifted", red.log)
    (issue,) = actions.hub.issues
    assert "distance" in issue["body"]
    assert [name for name, *_ in actions.hub.dispatched if name == "train.yml"]
