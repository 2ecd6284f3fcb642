"""Each alert of a generated project fires for the namespace that it is about, and no other does; metrics are scraped.

Prometheus itself is asked: its promtool about the rules, and the server about the scraping.
"""

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import servers
from helpers.support import GENERATED, bake, run

pytestmark = pytest.mark.tools

COMPONENT = "deploy/components/prometheus"
PRODUCTION, STAGING = "flight-delays", "flight-delays-staging"
SOURCE = (GENERATED / COMPONENT / "alerts.yaml").read_text(encoding="utf-8")
ALERTS = yaml.safe_load(SOURCE.replace("{{ cookiecutter.project_slug }}", PRODUCTION))["spec"]
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}
MODEL = 'scoring_model{namespace="NAMESPACE", version="1"}'
STARTED = 'scoring_start_time_seconds{namespace="NAMESPACE", pod="a"}'
ANSWERED = 'scoring_requests_total{namespace="NAMESPACE", route="/predict", status="STATUS"}'
PROBED = 'scoring_requests_total{namespace="NAMESPACE", route="other", status="404"}'
TAKEN = 'scoring_request_seconds_bucket{namespace="NAMESPACE", route="/predict", le="LE"}'
STEADY = {  # values a minute, for an hour, of a service that does well
    MODEL: "1x60",
    STARTED: "1000x60",
    ANSWERED.replace("STATUS", "200"): "0+1000x60",
    ANSWERED.replace("STATUS", "422"): "0+100x60",
    ANSWERED.replace("STATUS", "503"): "0+5x60",
    ANSWERED.replace("STATUS", "500"): "0+5x60",
    PROBED: "0+9000x60",  # a scanner's requests must not hide that /predict fails
    TAKEN.replace("LE", "0.2"): "0+1000x60",
    TAKEN.replace("LE", "0.5"): "0+1005x60",
    TAKEN.replace("LE", "+Inf"): "0+1005x60",
}
GONE = {name: values.replace("x60", "x30") + " stale" for name, values in STEADY.items()}
FLAPPING = "1 1 _ " * 20  # a minute on, two off: it is killed again and again
WRONG: dict[str, tuple[str, dict[str, str | None]]] = {  # what is otherwise, by the alert that fires
    "gone half an hour ago": ("ScoringIsGone", {**GONE}),
    "never seen": ("ScoringIsGone", dict.fromkeys(STEADY)),
    "killed again and again": (
        "ScoringRestarts",
        {MODEL: FLAPPING, STARTED: " ".join(f"{n}000 {n}000 _" for n in range(20))},
    ),
    "restarted within a scrape": ("ScoringRestarts", {STARTED: "1000x40 2000x5 3000x5 4000x8"}),
    "failing": ("ScoringFails", {ANSWERED.replace("STATUS", "500"): "0+20x60"}),
    "overloaded": ("ScoringIsOverloaded", {ANSWERED.replace("STATUS", "503"): "0+20x60"}),
    "slow": ("ScoringIsSlow", {TAKEN.replace("LE", "0.2"): "0+900x60"}),
    "refusing": ("ScoringRefusesCallers", {ANSWERED.replace("STATUS", "422"): "0+400x60"}),
    "of two versions": ("ScoringVersionsDiffer", {MODEL.replace('"1"', '"2"'): "1x60"}),
}
NO_FAULT: dict[str, dict[str, str | None]] = {
    "well": {},
    "restarted twice": {STARTED: "1000x40 2000x5 3000x15"},
    "replaced by a new pod": {STARTED: "1000x30 stale", STARTED.replace('"a"', '"b"'): "_x30 2000x30"},
}


def series(namespace: str, changes: dict[str, str | None]) -> dict[str, str]:
    """Return what Prometheus has seen of a namespace in an hour."""
    seen = {**STEADY, **changes}
    return {name.replace("NAMESPACE", namespace): values for name, values in seen.items() if values}


def promtool(alert: str | None, namespace: str, seen: dict[str, str], folder: Path) -> str:
    """Return what promtool says of the rules: after an hour, no alert but *alert* fires, and for *namespace* alone."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    expected: list[dict[str, Any]] = [
        {
            "alertname": name,
            "eval_time": "59m",
            "exp_alerts": [
                {"exp_labels": rule["labels"] | {"namespace": namespace}, "exp_annotations": rule["annotations"]}
            ]
            if name == alert
            else [],
        }
        for name, rule in RULES.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in seen.items()]
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": expected}
    (folder / "rules.yaml").write_text(json.dumps(ALERTS), encoding="utf-8")
    (folder / "test.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"], "tests": [test]}), encoding="utf-8")
    return run("promtool", "test", "rules", "test.yaml", cwd=folder)


def test_every_alert_is_known_here() -> None:
    assert {alert for alert, _ in WRONG.values()} == RULES.keys()


@pytest.mark.parametrize("other", ["well", "absent"])
@pytest.mark.parametrize("fault", WRONG)
def test_an_alert_fires_for_production_alone_whatever_staging_does(fault: str, other: str, tmp_path: Path) -> None:
    alert, changes = WRONG[fault]
    seen = series(PRODUCTION, changes) | (series(STAGING, {}) if other == "well" else {})
    assert "SUCCESS" in promtool(alert, PRODUCTION, seen, tmp_path)


@pytest.mark.parametrize("fault", [fault for fault in WRONG if fault != "never seen"])
def test_an_alert_fires_for_any_other_namespace(fault: str, tmp_path: Path) -> None:
    alert, changes = WRONG[fault]
    assert "SUCCESS" in promtool(alert, "other", series("other", changes) | series(PRODUCTION, {}), tmp_path)


@pytest.mark.parametrize("name", NO_FAULT)
def test_no_alert_fires_where_nothing_is_wrong(name: str, tmp_path: Path) -> None:
    seen = series(PRODUCTION, NO_FAULT[name]) | series(STAGING, {})
    assert "SUCCESS" in promtool(None, PRODUCTION, seen, tmp_path)


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what each overlay applies once it includes the component, by kind."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    project = bake(tmp_path_factory.mktemp("overlays"))
    found = {}
    for name in ("production", "staging"):
        path = project / f"deploy/overlays/{name}/kustomization.yaml"
        line = "\ncomponents: [../../components/prometheus]\n"
        path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
        rendered = run("kubectl", "kustomize", str(path.parent), cwd=project)
        found[name] = {one["kind"]: one for one in yaml.safe_load_all(rendered)}
    return found


def test_monitoring_is_taken_in_by_one_line(overlays: dict[str, dict[str, Any]]) -> None:
    for name, namespace in {"production": PRODUCTION, "staging": STAGING}.items():
        found = overlays[name]
        assert {"ConfigMap", "PrometheusRule", "ServiceMonitor"} <= found.keys()
        assert json.loads(found["ConfigMap"]["data"]["scoring.json"])["title"] == "Scoring"
        labels = found["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
        assert labels.items() <= found["Service"]["metadata"]["labels"].items()
        for kind in ("PrometheusRule", "ServiceMonitor"):
            assert found[kind]["metadata"]["labels"]["release"] == "kube-prometheus-stack"
        gone = next(rule for rule in found["PrometheusRule"]["spec"]["groups"][0]["rules"] if "Gone" in rule["alert"])
        assert f'absent(scoring_model{{namespace="{namespace}"}})' in gone["expr"]


@pytest.mark.parametrize("by", ["ServiceMonitor", "annotations"])
def test_prometheus_scrapes_a_service_with_a_key(
    by: str, overlays: dict[str, dict[str, Any]], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = overlays["production"]
    template = production["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (endpoint,) = production["ServiceMonitor"]["spec"]["endpoints"]
    path = endpoint["path"] if by == "ServiceMonitor" else template["metadata"]["annotations"]["prometheus.io/path"]
    for variable in container["env"]:
        if variable["name"].startswith("SCORING_"):
            monkeypatch.setenv(variable["name"], variable["value"])
    monkeypatch.setenv("SCORING_API_KEY", "open-sesame")
    for folder in ("service", "prometheus"):
        (tmp_path / folder).mkdir()
    with servers.scoring(project, tmp_path / "service") as url:
        target = {"targets": [url.removeprefix("http://")], "labels": {"namespace": PRODUCTION}}
        scrape = {"job_name": "scoring", "metrics_path": path, "static_configs": [target]}
        with servers.prometheus(scrape, json.dumps(ALERTS), tmp_path / "prometheus") as prometheus:
            (scraped,) = asked(f"{prometheus}/api/v1/targets")["activeTargets"]
            assert (scraped["health"], scraped["lastError"]) == ("up", "")
            (started,) = asked(f"{prometheus}/api/v1/query?query=scoring_start_time_seconds")["result"]
            assert float(started["value"][1]) > 1e9
            alerts = asked(f"{prometheus}/api/v1/alerts")["alerts"]  # before the first scrape, one may be pending
            assert [alert for alert in alerts if alert["state"] == "firing"] == []


def asked(url: str) -> Any:
    """Return the data that Prometheus answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # of this machine
        return json.load(answer)["data"]
