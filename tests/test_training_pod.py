"""Podman runs the pod of a Job on this machine: it trains a commit and writes back what the workflow would."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import containers
from helpers.acting import REPOSITORY, Actions, published
from helpers.pages import blocks
from helpers.support import GENERATED, need, run

pytestmark = [pytest.mark.tools, pytest.mark.nightly]

CONTAINERFILE = "deploy/training/Containerfile"
JOB = "deploy/training/job.yaml"


@pytest.fixture
def github(champion: Path, tmp_path: Path) -> Iterator[Actions]:
    """Return a repository at GitHub whose main has a champion, and whose branch `warmer` no machine has trained yet."""
    need([*containers.TOOLS, "act", "gh", "jq"])
    actions = published(champion, tmp_path)
    actions.left_out = {"ci.yml", "platform.yml"}
    params = actions.work / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("max_iter: 100", "max_iter: 90"), encoding="utf-8")
    commit = actions.commit("Fewer trees")
    run("git", "push", "--quiet", "--no-verify", "origin", f"{commit}:refs/heads/warmer", cwd=actions.work)
    yield actions
    actions.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of an engine of containers that has the base of the image of the training jobs."""
    folder = tmp_path / "engine"
    folder.mkdir()
    environment = containers.engine(folder, "localhost:1")  # a registry that nothing is asked of
    with_tools = "RUN apt-get update && apt-get install --yes --no-install-recommends git make python3-venv"
    (folder / "Containerfile").write_text(f"FROM localhost/debian\n{with_tools}\n", encoding="utf-8")
    (base,) = re.findall(r"(?m)^FROM (\S+)$", (GENERATED / CONTAINERFILE).read_text(encoding="utf-8"))
    if subprocess.run(["podman", "pull", "--quiet", base], env=os.environ | environment, check=False).returncode:
        archive = str(containers.debian(folder))  # stands in for the base, with those of its tools that a job uses
        run("podman", "import", "--quiet", archive, "localhost/debian", cwd=folder, **environment)
        run("podman", "build", "--quiet", "--tag", base, str(folder), cwd=folder, **environment)
    yield environment
    run("podman", "rmi", "--all", "--force", cwd=folder, **environment)


def edited(job: str, mounts: dict[str, Path], values: dict[str, str]) -> str:
    """Return the job with *values* as its variables, which the page says to write, and *mounts* at their own paths."""
    for name, value in values.items():
        job, times = re.subn(rf"(name: {name}, value: )[^}}#]*? }}", rf'\g<1>"{value}" }}', job)
        assert times == 1, name
    for name, path in mounts.items():
        job = re.sub(r"(?m)^( *)volumeMounts:$", rf"\g<0>\n\1  - {{ name: {name}, mountPath: {path} }}", job)
        job = re.sub(r"(?m)^( *)volumes:$", rf"\g<0>\n\1  - {{ name: {name}, hostPath: {{ path: {path} }} }}", job)
    return job


def prepared(actions: Actions, commit: str) -> Path:
    """Write the repository and *commit* into the job; return the variables by which its pod has the test's GitHub."""
    values = {"REPOSITORY": f"https://github.com/{REPOSITORY}", "GITHUB_REPOSITORY": REPOSITORY}
    values |= {"BRANCH": "warmer", "COMMIT": commit}
    certificates = os.environ.get("SSL_CERT_FILE", "")  # of a machine that reaches registries of packages by a proxy
    mounts = {"github": actions.folder} | ({"certificates": Path(certificates)} if certificates else {})
    job = actions.work / JOB
    job.write_text(edited(job.read_text(encoding="utf-8"), mounts, values), encoding="utf-8")
    config, origins = actions.folder / "gitconfig", actions.folder / "origins"
    text = f'[safe]\n\tdirectory = *\n[url "file://{origins}/"]\n\tinsteadOf = https://github.com/\n'
    config.write_text(text, encoding="utf-8")
    run("chmod", "--recursive", "a+rwX", *map(str, (config, origins, actions.folder / "gh")), cwd=actions.folder)
    run("chmod", "a+rwX", str(actions.folder), str(actions.folder / "gh.sock"), cwd=actions.folder)
    secret = {"GH_TOKEN": "fake-token-of-a-person", "GH_CONFIG_DIR": actions.folder / "gh"}
    secret |= {"GIT_CONFIG_GLOBAL": config} | ({"SSL_CERT_FILE": certificates} if certificates else {})
    variables = actions.folder / "train.env"
    variables.write_text("".join(f"{name}={value}\n" for name, value in secret.items()), encoding="utf-8")
    return variables


def test_podman_runs_the_pod_of_the_job_which_writes_back_what_the_workflow_would(
    github: Actions, engine: dict[str, str]
) -> None:
    commit = run("git", "rev-parse", "warmer", cwd=github.origin).strip()
    variables = prepared(github, commit)
    ((_, command),) = blocks("how-to/runners.md", "Without a runner: a Job of Kubernetes or Azure ML")
    print(run("sh", "-euc", command.replace("FILE", str(variables)), cwd=github.work, **engine))
    written = run("git", "log", "-1", "--format=%s%n%P", "warmer", cwd=github.origin).splitlines()
    assert written == ["Retrain: train, evaluate, export", commit]
    assert run("git", "diff", "--name-only", commit, "warmer", cwd=github.origin).split() == ["dvc.lock"]
    assert {dispatched[:2] for dispatched in github.hub.dispatched} == {("ci.yml", "warmer"), ("train.yml", "warmer")}
    assert run("podman", "pod", "ps", "--quiet", cwd=github.work, **engine) == ""
    # the workflow finds everything in the storage, and nothing to write back
    head = run("git", "rev-parse", "warmer", cwd=github.origin)
    github.settle()
    train, review = github.runs
    assert (train.workflow, train.ok, review.workflow, review.ok) == ("train.yml", True, "review.yml", True)
    assert "Running stage" not in train.log
    assert "nothing to write back" in train.log
    assert run("git", "rev-parse", "warmer", cwd=github.origin) == head
