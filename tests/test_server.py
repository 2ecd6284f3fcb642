"""The server of compose.server.yaml: its programs run with its commands, variables and files, on 127.0.0.1.

No image can be pulled here, so the programs are Debian's and the package registry's; moto stands in for the store, and
Grafana, which neither has, is represented by its files.
"""

import json
import os
import re
import shlex
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import servers
from helpers.support import GENERATED, bake, run

pytestmark = pytest.mark.nightly

SECRETS = {"POSTGRES_PASSWORD": "of-the-database", "STORE_SECRET": "of-the-store", "GRAFANA_PASSWORD": "of-grafana"}
TRACK = """
import json, sys
import mlflow
mlflow.set_experiment("flights")
with mlflow.start_run() as run:
    mlflow.log_metric("auc", 0.75)
    mlflow.log_text("an artifact", "note.txt")
print(json.dumps([run.info.run_id, mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt")]))
"""
LOOK = """
import json, sys
import psycopg
with psycopg.connect(sys.argv[1]) as connection:
    query = "select run_uuid, value, artifact_uri from runs join metrics using (run_uuid)"
    print(json.dumps(connection.execute(query).fetchall()))
"""


def filled(text: str) -> str:
    """Return *text* of the compose file with the secrets, and the defaults of what is not set."""
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: SECRETS.get(m[1], m[2] or ""), text)


COMPOSE = yaml.safe_load(filled((GENERATED / "deploy/compose.server.yaml").read_text(encoding="utf-8")))["services"]


def asked(url: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=10) as answer:  # noqa: S310  # of this machine
        return json.load(answer)


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder deploy/ of a baked project."""
    return bake(tmp_path_factory.mktemp("server")) / "deploy"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return where PostgreSQL and the store listen, by the names that the compose file has for them."""
    database = COMPOSE["postgres"]["environment"]
    with servers.postgres() as place, servers.s3(tmp_path_factory.mktemp("store"), "mlflow") as store:
        user, secret, name = (database[f"POSTGRES_{part}"] for part in ("USER", "PASSWORD", "DB"))
        made = [f"create role {user} login password '{secret}'", f"create database {name} owner {user}"]
        run("psql", f"postgresql://{place}", *(word for sql in made for word in ("-c", sql)), cwd=Path("/"))
        host = place.partition("@")[2].partition("/")[0]
        yield {"postgres:5432": host, "store:7070": store.removeprefix("http://")}


@contextmanager
def mlflow(addresses: dict[str, str], folder: Path) -> Iterator[str]:
    """Run the tracking server with the packages, the command and the variables of the compose file."""
    service, port = COMPOSE["mlflow"], servers.free_port()

    def here(text: str) -> str:
        for name, address in addresses.items():
            text = text.replace(name, address)
        return text.replace("0.0.0.0", "127.0.0.1").replace("--port=5000", f"--port={port}")  # noqa: S104

    (packages,) = re.findall(r"pip install --no-cache-dir (.*)", service["build"]["dockerfile_inline"])
    chosen = [word for package in shlex.split(packages) for word in ("--with", package)]
    programs = ["uv", "run", "--quiet", "--no-project", "--isolated", *chosen]
    run(*programs, "mlflow", "--version", cwd=folder)  # installed before the time to start is measured
    command = [*programs, *map(here, service["command"])]
    variables = {name: here(value) for name, value in service["environment"].items()}
    url = f"http://127.0.0.1:{port}"
    with servers.running(command, folder / "log", lambda: servers.answers(f"{url}/health"), environment=variables):
        yield url


def test_a_run_is_kept_in_postgresql_and_its_files_in_the_store(
    addresses: dict[str, str], project: Path, tmp_path: Path
) -> None:
    python = str(project / ".venv/bin/python")
    with mlflow(addresses, tmp_path) as url:
        printed = run(python, "-c", TRACK, cwd=tmp_path, MLFLOW_TRACKING_URI=url)
    identity, text = json.loads(printed.splitlines()[-1])
    assert text == "an artifact"
    user = f"postgresql://mlflow:{SECRETS['POSTGRES_PASSWORD']}@{addresses['postgres:5432']}/mlflow"
    ((row, value, place),) = json.loads(run(python, "-c", LOOK, user, cwd=tmp_path))
    assert (row, value) == (identity, 0.75)
    with urllib.request.urlopen(f"http://{addresses['store:7070']}/mlflow?prefix=artifacts", timeout=10) as answer:
        assert f"{place.partition('mlflow-artifacts:/')[2]}/note.txt" in answer.read().decode()


def test_prometheus_scrapes_the_service_and_knows_every_series_of_the_dashboard(
    deploy: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in COMPOSE["scoring"]["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SCORING_API_KEY", "open-sesame")
    for folder in ("service", "prometheus"):
        (tmp_path / folder).mkdir()
    mounted = [volume.split(":")[:2] for volume in COMPOSE["prometheus"]["volumes"]]
    ((source, _),) = [volume for volume in mounted if volume[1] == "/etc/prometheus/prometheus.yml"]
    file = deploy / source
    run("promtool", "check", "config", str(file), cwd=tmp_path)
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    with servers.scoring(project, tmp_path / "service") as url:
        (scrape,) = settings["scrape_configs"]
        (target,) = scrape["static_configs"]
        assert target["targets"] == ["scoring:3000"]
        target["targets"] = [url.removeprefix("http://")]
        with servers.prometheus(scrape, "groups: []", tmp_path / "prometheus") as prometheus:
            (scraped,) = asked(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
            assert (scraped["health"], scraped["lastError"]) == ("up", "")
            (model,) = asked(f"{prometheus}/api/v1/query", query="scoring_model")["data"]["result"]
            assert model["metric"]["namespace"] == project.name
            dashboard = json.loads(
                (project / "deploy/components/prometheus/dashboard.json").read_text(encoding="utf-8")
            )
            expressions = [query["expr"] for panel in dashboard["panels"] for query in panel.get("targets", ())]
            assert expressions
            for expression in expressions:
                filled = re.sub(
                    r"\$\{?__rate_interval\}?", "1m", re.sub(r"\$\{?namespace\}?", project.name, expression)
                )
                assert asked(f"{prometheus}/api/v1/query", query=filled)["status"] == "success"


def test_grafana_finds_its_source_and_the_dashboard(deploy: Path) -> None:
    mounts = dict(volume.removesuffix(":ro").split(":") for volume in COMPOSE["grafana"]["volumes"])
    files = {mounts[name]: deploy / name for name in mounts if name.startswith("./")}
    assert all(path.is_file() for path in files.values())
    read = {place: yaml.safe_load(path.read_text(encoding="utf-8")) for place, path in files.items()}
    (source,) = read["/etc/grafana/provisioning/datasources/prometheus.yaml"]["datasources"]
    name, port = re.findall(r"http://(\w+):(\d+)", source["url"])[0]
    assert any(published.endswith(f":{port}") for published in COMPOSE[name]["ports"])
    (provider,) = read["/etc/grafana/provisioning/dashboards/scoring.yaml"]["providers"]
    (dashboard,) = [place for place in files if Path(place).parent == Path(provider["options"]["path"])]
    (variable,) = [v for v in read[dashboard]["templating"]["list"] if v["type"] == "datasource"]
    assert variable["query"] == source["type"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_is_not_set_is_asked_for(secret: str, deploy: Path) -> None:
    command = ["podman-compose", "--file", "compose.yaml", "--file", "compose.server.yaml", "config"]
    variables = os.environ | SECRETS | {"IMAGE": f"a@sha256:{'0' * 64}"}
    assert "postgresql+psycopg://mlflow:of-the-database@" in run(*command, cwd=deploy, **variables)
    del variables[secret]
    done = subprocess.run(command, cwd=deploy, env=variables, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode
    assert "choose one" in done.stderr
