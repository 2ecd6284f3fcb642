"""Each alert of a generated project fires when it should, and no other does: asked of Prometheus' own promtool."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.support import GENERATED, run

pytestmark = pytest.mark.tools

ALERTS = yaml.safe_load((GENERATED / "deploy/components/prometheus/alerts.yaml").read_text(encoding="utf-8"))["spec"]
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}
MODEL = 'scoring_model{namespace="a", version="1"}'
ANSWERED = 'scoring_requests_total{namespace="a", route="/predict", status="STATUS"}'
TAKEN = 'scoring_request_seconds_bucket{namespace="a", route="/predict", le="LE"}'
STEADY = {  # values a minute, for an hour, of a service that does well
    MODEL: "1x60",
    ANSWERED.replace("STATUS", "200"): "0+1000x60",
    ANSWERED.replace("STATUS", "422"): "0+100x60",
    ANSWERED.replace("STATUS", "503"): "0+5x60",
    ANSWERED.replace("STATUS", "500"): "0+5x60",
    TAKEN.replace("LE", "0.2"): "0+1000x60",
    TAKEN.replace("LE", "0.5"): "0+1005x60",
    TAKEN.replace("LE", "+Inf"): "0+1005x60",
}
WRONG: dict[str, dict[str, str | None]] = {  # what is otherwise when an alert fires
    "ScoringIsGone": dict.fromkeys(STEADY),
    "ScoringFails": {ANSWERED.replace("STATUS", "500"): "0+20x60"},
    "ScoringIsOverloaded": {ANSWERED.replace("STATUS", "503"): "0+20x60"},
    "ScoringIsSlow": {TAKEN.replace("LE", "0.2"): "0+900x60"},
    "ScoringRefusesCallers": {ANSWERED.replace("STATUS", "422"): "0+400x60"},
    "ScoringVersionsDiffer": {MODEL.replace('"1"', '"2"'): "1x60"},
}


def test_every_alert_is_known_here() -> None:
    assert WRONG.keys() == RULES.keys()


@pytest.mark.parametrize("firing", [None, *WRONG])
def test_an_alert_fires_when_it_should_and_no_other_does(firing: str | None, tmp_path: Path) -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    series = {**STEADY, **(WRONG[firing] if firing else {})}
    told: list[dict[str, Any]] = [
        {"alertname": name, "eval_time": "59m", "exp_alerts": [_expected(rule)] if name == firing else []}
        for name, rule in RULES.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items() if values]
    test = {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": given, "alert_rule_test": told}]}
    (tmp_path / "rules.yaml").write_text(json.dumps(ALERTS), encoding="utf-8")
    (tmp_path / "test.yaml").write_text(json.dumps(test), encoding="utf-8")
    assert f"{len(RULES)} rules found" in run("promtool", "check", "rules", "rules.yaml", cwd=tmp_path)
    assert "SUCCESS" in run("promtool", "test", "rules", "test.yaml", cwd=tmp_path)


def _expected(rule: dict[str, Any]) -> dict[str, Any]:
    namespace = {} if rule["alert"] == "ScoringIsGone" else {"namespace": "a"}
    return {"exp_labels": rule["labels"] | namespace, "exp_annotations": rule["annotations"]}
