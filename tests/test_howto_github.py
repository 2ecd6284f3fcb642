"""What the how-to pages set at GitHub, in a cluster and in uv.lock is set: each block, as it stands there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from helpers.acting import BIN, REPOSITORY, Actions
from helpers.pages import blocks
from helpers.support import GENERATED, bake, run

pytestmark = pytest.mark.nightly

WORKFLOWS = GENERATED / ".github/workflows"
RECORDED = 'for word; do printf "%s\\n" "$word"; done >> "$0.said"'  # beside the program


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Actions]:
    """Return a project whose main is at GitHub, where what is started stays to be looked at."""
    (tmp_path / "github").mkdir()
    found = Actions(tmp_path / "github", bake(tmp_path), {})
    run("git", "remote", "add", "origin", f"git@github.com:{REPOSITORY}.git", cwd=found.work)
    say(found, "git push --quiet origin main")
    yield found
    found.close()


def say(github: Actions, text: str) -> str:
    """Return what commands print to somebody who is logged in at GitHub; every setting made is one that is read."""
    said = run("bash", "-euc", text, cwd=github.work, **github.laptop)
    read = {
        found
        for path in WORKFLOWS.iterdir()
        for found in re.findall(r"\b(vars|secrets)\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert {("vars", name) for name in github.hub.variables} <= read
    assert {("secrets", name) for name in github.hub.secrets} <= read
    return said


def told(github: Actions, program: str) -> list[str]:
    """Return the words that a program which `Actions.program` stands in for was called with."""
    return (github.folder / "bin" / f"{program}.said").read_text(encoding="utf-8").splitlines()


def runs_on(value: str, workflow: str, folder: Path) -> None:
    """Make sure that a workflow whose variable has this value is one that GitHub takes."""
    text = (WORKFLOWS / workflow).read_text(encoding="utf-8")
    known, times = re.subn(r"(?m)(?<=    runs-on: )\$\{\{ fromJSON.*$", lambda _: json.dumps(json.loads(value)), text)
    assert times == 1
    (folder / workflow).write_text(known, encoding="utf-8")
    run("actionlint", "-ignore", 'label ".+" is unknown', str(folder / workflow), cwd=folder)


def test_cluster_is_named_and_given_its_key(github: Actions) -> None:
    ((_, text),) = blocks("how-to/deploy.md", "To Kubernetes")
    (github.work / "kubeconfig.yaml").write_text("kind: Config\n", encoding="utf-8")
    say(github, text)
    assert github.hub.variables == {"DEPLOY_TARGET": "kubernetes"}
    assert github.hub.secrets == {"KUBECONFIG": "kind: Config"}
    assert github.hub.dispatched == [("deploy.yml", "main", {})]


def test_managed_endpoint_of_azure_is_named(github: Actions) -> None:
    ((_, text),) = blocks("how-to/deploy.md", "To Azure ML")
    say(github, text)
    assert github.hub.variables == {"DEPLOY_TARGET": "azureml"}
    assert github.hub.dispatched == [("deploy.yml", "main", {})]


def test_managed_service_of_google_is_named(github: Actions) -> None:
    ((_, text),) = blocks("how-to/deploy.md", "To Google Cloud Run")
    say(github, text)
    assert github.hub.variables == {"DEPLOY_TARGET": "cloudrun"}
    assert github.hub.dispatched == [("deploy.yml", "main", {})]


def test_server_is_named_with_its_runner(github: Actions, tmp_path: Path) -> None:
    ((_, text),) = blocks("how-to/deploy.md", "To one server")
    say(github, text)
    assert github.hub.variables.keys() == {"DEPLOY_TARGET", "DEPLOY_RUNNER"}
    assert github.hub.variables["DEPLOY_TARGET"] == "compose"
    assert "server" in json.loads(github.hub.variables["DEPLOY_RUNNER"])
    runs_on(github.hub.variables["DEPLOY_RUNNER"], "deploy.yml", tmp_path)
    assert github.hub.dispatched == [("deploy.yml", "main", {})]


def test_managed_services_are_named(github: Actions) -> None:
    ((_, azure),) = blocks("how-to/deploy.md", "To Azure ML")
    say(github, azure)
    assert github.hub.variables == {"DEPLOY_TARGET": "azureml"}
    ((_, google),) = blocks("how-to/deploy.md", "To Google Cloud Run")
    say(github, google)
    assert github.hub.variables == {"DEPLOY_TARGET": "cloudrun"}
    assert github.hub.dispatched == [("deploy.yml", "main", {})] * 2


def test_key_reaches_the_workflows_and_the_cluster(github: Actions) -> None:
    (_, secret), (_, cluster) = blocks("how-to/deploy.md", "Keys")
    say(github, f"printf open-sesame | {secret}")
    assert github.hub.secrets == {"SCORING_API_KEY": "open-sesame"}
    github.program("kubectl", f'{RECORDED}\n[ "$3" != create ] || {BIN}/kubectl "$@" --dry-run=client --output yaml')
    made = yaml.safe_load(say(github, cluster.replace("KEY=...", "KEY=open-sesame")))
    assert (made["kind"], list(made["data"])) == ("Secret", ["SCORING_API_KEY"])
    rendered = run("kubectl", "kustomize", "deploy/overlays/production", cwd=github.work)
    (deployment,) = (one for one in yaml.safe_load_all(rendered) if one["kind"] == "Deployment")
    (scoring,) = deployment["spec"]["template"]["spec"]["containers"]
    assert scoring["envFrom"][0]["secretRef"]["name"] == made["metadata"]["name"]
    where, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    assert made["metadata"]["namespace"] == where
    assert told(github, "kubectl")[-6:] == ["--namespace", where, "rollout", "restart", "deployment", name]


def test_each_runner_is_one_that_the_workflow_takes(github: Actions, tmp_path: Path) -> None:
    (_, lines), *_ = blocks("how-to/runners.md")
    values = []
    for line in lines.splitlines():
        say(github, line)
        values.append(github.hub.variables["TRAIN_RUNNER"])
        runs_on(values[-1], "train.yml", tmp_path)
    assert len(values) == 4
    default = re.search(r"vars\.TRAIN_RUNNER \|\| '(.+?)'", (WORKFLOWS / "train.yml").read_text(encoding="utf-8"))
    assert default
    assert values[0] == default[1]
    with pytest.raises(AssertionError, match="runs-on"):
        runs_on('{"label": ["gpu"]}', "train.yml", tmp_path)


def test_release_of_helm_is_the_runner_of_training(github: Actions) -> None:
    (_, commands), (_, values) = blocks("how-to/runners.md", "Machines on demand: Actions Runner Controller")
    file = re.findall(r"\A# (\S+)\n", values)[0]
    (github.work / file).write_text(values, encoding="utf-8")
    github.program("helm", RECORDED)
    say(github, commands)
    words = told(github, "helm")
    assert words[:2] == ["install", json.loads(github.hub.variables["TRAIN_RUNNER"])]
    assert words[words.index("--values") + 1] == file
    assert words[-1].startswith("oci://ghcr.io/actions/")
    chosen = yaml.safe_load(values)
    assert chosen["minRunners"] == 0 < chosen["maxRunners"]
    assert chosen.keys() == {"githubConfigUrl", "githubConfigSecret", "minRunners", "maxRunners", "template"}
    (container,) = chosen["template"]["spec"]["containers"]
    assert container["name"] == "runner"  # the one that the controller looks for
    limits, (tolerated,) = container["resources"]["limits"], chosen["template"]["spec"]["tolerations"]
    assert tolerated["key"] in limits


def test_monitor_is_told_where_the_recent_rows_are(github: Actions) -> None:
    ((_, text),) = blocks("how-to/monitor.md", "Every night")
    say(github, text)
    assert github.hub.variables == {"MONITOR_DATA": "data/recent.sql"}
    assert re.fullmatch(r"postgresql://\w+:\w+@\w+/\w+", github.hub.secrets["DATABASE_URL"])
    assert github.hub.dispatched == [("monitor.yml", "main", {})]


def test_nightly_scores_where_the_variables_say_and_so_does_the_cluster(github: Actions) -> None:
    (_, workflow), (_, cluster) = blocks("how-to/score.md", "Every night")
    say(github, workflow)
    assert github.hub.variables == {"SCORE_DATA": "data/tonight.sql", "SCORE_OUT": "table:predictions"}
    assert github.hub.secrets.keys() == {"DATABASE_URL"}
    assert github.hub.dispatched == [("score.yml", "main", {})]
    github.program("kubectl", RECORDED)
    say(github, cluster)
    words = told(github, "kubectl")
    (file,) = (word for word in words if word.endswith(".yaml"))
    job = yaml.safe_load((github.work / file).read_text(encoding="utf-8"))
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": words[words.index("generic") + 1]}}]
    assert words[-1] == f"cronjob/{job['metadata']['name']}"


def test_shared_package_is_locked_by_its_commit(tmp_path: Path, machine_git: Path) -> None:
    ((_, text),) = blocks("how-to/monorepo.md")
    name, tag = re.findall(r"github\.com/(OWNER/\w+)@(\S+?)\"", text)[0]
    package = tmp_path / "github" / name
    package.mkdir(parents=True)
    run("uv", "init", "--quiet", "--lib", "--name", "features", cwd=package)
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    run("git", "add", "--all", cwd=package)
    run("git", *who, "commit", "--quiet", "-m", "Features", cwd=package)
    run("git", "tag", tag, cwd=package)
    machine_git.write_text(f'[url "file://{tmp_path}/github/"]\n\tinsteadOf = https://github.com/\n', encoding="utf-8")
    project = bake(tmp_path)
    run("bash", "-euc", text, cwd=project, UV_NO_SYNC="1", UV_NO_GITHUB_FAST_PATH="1")
    commit = run("git", "rev-parse", "HEAD", cwd=package).strip()
    assert f"{tag}#{commit}" in (project / "uv.lock").read_text(encoding="utf-8")
    own = {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    run("git", "tag", "--delete", tag, cwd=package)  # the package has moved on
    run("uv", "sync", "--quiet", "--frozen", "--only-group", "pipeline", cwd=project, **own)
    assert "features" in run(str(tmp_path / "venv/bin/python"), "-c", "import features; print(features)", cwd=tmp_path)
