"""A model of spring in production, from its first request to the model that replaces it: the demo's own flights."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.acting import REPOSITORY, Actions
from helpers.support import TEMPLATE, copied, run

pytestmark = pytest.mark.nightly

PUSH = "git push --quiet --no-verify origin HEAD:main"
IMAGE = "registry.example.org/team/flights"
DATASET = '''"""The flights that the warehouse has."""

from pathlib import Path

import pandas as pd


def load() -> pd.DataFrame:
    """Return one row per flight that has arrived."""
    return pd.read_parquet(Path("../warehouse.parquet"))
'''
YEAR = """
import sys
sys.path.insert(0, "src")
from flight_delays.dataset import load
load().sort_values(["scheduled", "flight"]).reset_index(drop=True).iloc[::4].to_parquet("../year.parquet", index=False)
"""
PERIOD = """
import sys
import pandas as pd
flights = pd.read_parquet("../year.parquet")
flights = flights[(flights["scheduled"] >= sys.argv[1]) & (flights["scheduled"] < sys.argv[2])]
if sys.argv[3] == "warehouse":
    flights.to_parquet("../warehouse.parquet", index=False)
else:  # each outcome is known three days later
    known = flights[["flight", "scheduled", "late"]].assign(at=flights["scheduled"] + pd.Timedelta(days=3))
    known.to_csv("../outcomes.csv", index=False)
"""
LOG = {"SCORING_LOG": "prediction-log", "SCORING_LOG_KEY": "hashes keys", "SCORING_LOG_COLUMNS": "*"}


@dataclass
class Company:
    """Who runs the model: a checkout, and GitHub."""

    work: Path
    github: Actions

    def do(self, text: str, **environment: str) -> str:
        """Run commands in the checkout, as somebody who is logged in."""
        known = {**self.github.laptop, "GITHUB_REPOSITORY": REPOSITORY, **environment}
        return run("bash", "-euc", text, cwd=self.work, **known)

    def period(self, since: str, until: str, what: str) -> None:
        """Write the flights of a period: to the warehouse, or their outcomes."""
        run(".venv/bin/python", "-c", PERIOD, since, until, what, cwd=self.work)

    def commit(self, message: str) -> None:
        """Commit everything, and let main be that commit."""
        self.do('git add --all; git commit --quiet --no-verify --message "$MESSAGE"', MESSAGE=message)
        self.do(PUSH)

    def merge(self, branch: str) -> None:
        """Merge a pull request."""
        self.do(f"git fetch --quiet origin; git merge --quiet --no-edit origin/{branch}; {PUSH}")
        for pull in self.github.hub.pulls.values():
            if pull["head"]["ref"] == branch:
                pull["state"] = "closed"

    def release(self, version: str) -> str:
        """Register the reviewed model, and tag it with an image, as the workflow `release` does once it was pushed."""
        said = self.do("make review register")
        assert f"version {version} of flight_delays" in said
        sha256 = json.loads((self.work / "models/export/manifest.json").read_text(encoding="utf-8"))["files"][
            "model.onnx"
        ]
        labels = {"version": version, "model": sha256}
        built = {"repository": IMAGE, "digest": f"sha256:{version * 64}", "labels": labels}
        (self.work / "build").mkdir(exist_ok=True)
        (self.work / "build/image.json").write_text(json.dumps(built), encoding="utf-8")
        self.do("uv run --no-sync flight_delays tag")
        return said

    def promote(self, version: str) -> str:
        """Put a version into production; return what its pull request says."""
        self.do("make promote")
        self.merge(f"promote/v{version}")
        assert f"version {version} is now the champion" in self.do("make champion")
        return str(next(p["body"] for p in self.github.hub.pulls.values() if p["head"]["ref"] == f"promote/v{version}"))

    def answer(self, version: str, since: str, until: str) -> str:
        """Let the service answer the flights of a period; return the id of a request."""
        script = TEMPLATE / "tests/helpers/recorded.py"
        words = [".venv/bin/python", "-W", "ignore", str(script), "models/export", "../year.parquet", since, until]
        said = run(*words, cwd=self.work, **{**self.github.laptop, **LOG, "SCORING_VERSION": version})
        self.do("make collect LOG=prediction-log")
        return said.strip()

    def measure(self, until: str) -> int:
        """Measure the performance until a day; return the exit code of the alarm."""
        words = f"uv run --no-sync flight_delays performance ../outcomes.csv --until {until}"
        self.do(words, **LOG)
        said = self.do("uv run --no-sync flight_delays alarm || echo exit code $?")
        return int((re.findall(r"exit code (\d+)", said) or ["0"])[0])


@pytest.fixture(scope="module")
def company(baked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Return a project whose warehouse has the flights of spring, at a GitHub of its own."""
    folder = tmp_path_factory.mktemp("story")
    work = copied(baked, folder)
    run("git", "checkout", "--quiet", "HEAD", cwd=work)
    dataset = work / "src/flight_delays/dataset.py"
    text = dataset.read_text(encoding="utf-8")
    dataset.write_text(text.replace(".iloc[::27]", ""), encoding="utf-8")
    run(".venv/bin/python", "-c", YEAR, cwd=work)
    dataset.write_text(DATASET, encoding="utf-8")
    params = (work / "params.yaml").read_text(encoding="utf-8")
    for setting, value in (("keep_days", "null"), ("recent", "60d"), ("roll_back_days", "30")):  # the flights are old
        params, times = re.subn(rf"(?m)^(  {setting}:) \S+", rf"\1 {value}", params)
        assert times == 1
    (work / "params.yaml").write_text(params, encoding="utf-8")
    (folder / "github").mkdir()
    github = Actions(folder / "github", work, {})
    run("git", "remote", "add", "origin", str(github.origin), cwd=work)
    yield Company(work, github)
    github.close()


@pytest.fixture(scope="module")
def prediction(company: Company) -> str:
    """Let the whole story happen, and return the id of a prediction of its first model."""
    hub = company.github.hub

    # a model of spring is deployed
    company.period("2013-03-01", "2013-06-01", "warehouse")
    company.do("make pipeline")
    company.commit("The model of spring")
    company.release("1")
    company.promote("1")

    # months of requests, whose outcomes arrive late
    identifier = company.answer("1", "2013-06-01", "2013-11-01")
    company.period("2013-06-01", "2013-08-30", "outcomes")
    assert company.measure("2013-09-02") == 0
    production = json.loads((company.work / "reports/production.json").read_text(encoding="utf-8"))
    assert production["periods"][-1]["verdict"] == "too recent"
    assert not hub.issues

    # the performance falls: an alarm, one issue, one training on new data
    company.period("2013-06-01", "2013-10-29", "outcomes")
    assert company.measure("2013-11-01") == 3
    for _ in range(2):
        company.do("make report-alarm")
    (issue,) = hub.issues
    assert re.search(r"in \d of the latest 3 periods is below the evaluation", issue["body"])
    (started,) = [dispatched for dispatched in hub.dispatched if dispatched[2]]  # those without inputs are checks
    assert started[:2] == ("train.yml", "main")
    assert started[2]["refresh"] == "true"

    # the training that it has started, as the workflow does it: the new model wins on the newest rows of production
    company.period("2013-03-01", "2013-10-26", "warehouse")
    said = company.do("make ingest pipeline review", REFRESH=started[2]["refresh"])
    gain = re.search(
        r"On the ([\d,]+) newest rows of production: \+0\.\d+, 95 % interval \+0\.\d+ to \+0\.\d+, ▲ better", said
    )
    assert gain, said
    company.do("make write-back", GITHUB_REF_NAME="main", BECAUSE=started[2]["because"])
    retrain = next(pull for pull in hub.pulls.values() if pull["head"]["ref"] == "retrain")
    assert retrain["body"].endswith(f"Reason: alarm: {issue['html_url']}")

    # it is approved, released, compared as a shadow, and promoted
    company.merge("retrain")
    company.release("2")
    body = company.promote("2")
    shadow = body.partition("### As a shadow of production")[2].partition("###")[0]
    assert "newest rows that version 1 answered" in shadow
    assert re.search(r"rows whose outcome is known, roc_auc 0\.\d+ instead of 0\.\d+: \+0\.\d+", shadow)
    return identifier


def test_a_model_that_fell_behind_is_replaced_by_one_that_wins_on_the_newest_rows(
    company: Company, prediction: str
) -> None:
    assert prediction
    assert [pull["head"]["ref"] for pull in company.github.hub.pulls.values()] == [
        "promote/v1",
        "retrain",
        "promote/v2",
    ]
    assert company.do("uv run --no-sync flight_delays overlay show production").strip() == f"{IMAGE}@sha256:{'2' * 64}"


def test_a_prediction_leads_to_the_model_of_spring_and_its_data(company: Company, prediction: str) -> None:
    said = company.do(f"uv run --no-sync flight_delays lineage {prediction}/0")
    assert re.search(r"version +1\b", said)
    commit = re.search(r"commit +([0-9a-f]{40})", said)
    assert commit
    assert company.do(f"git log -1 --format=%s {commit[1]}").strip() == "The model of spring"
    assert re.search(r"data/train\.parquet \(md5\) +[0-9a-f]{32}", said)


def test_the_issue_of_an_alarm_says_what_ran_before(company: Company, prediction: str) -> None:
    """Version 2 has just been deployed: an alarm about it offers version 1, and starts the rollback."""
    assert prediction
    report = company.work / "reports/alarm.json"
    alarm = json.loads(report.read_text(encoding="utf-8")) | {"version": "2"}
    report.write_text(json.dumps(alarm), encoding="utf-8")
    hub = company.github.hub
    hub.issues[0]["state"] = "closed"
    for _ in range(2):  # as long as the issue is open, nothing starts again
        company.do("make report-alarm")
    assert len(hub.issues) == 2
    assert "version 1 was better: version 2 runs since" in hub.issues[-1]["body"]
    reason = f"alarm: {hub.issues[-1]['html_url']}"
    started = [(workflow, inputs) for workflow, _, inputs in hub.dispatched if inputs.get("because") == reason]
    back = {"version": "previous", "because": reason}
    assert started == [("train.yml", {"refresh": "true", "because": reason}), ("promote.yml", back)]
    company.do("make promote", VERSION="previous", BECAUSE=reason)
    pull = hub.pulls[max(hub.pulls)]
    assert (pull["title"], pull["state"]) == ("Production: version 1 instead of 2", "open")
    assert pull["body"].startswith("Reason: alarm: ")

    # production went back: an alarm about version 1 is in the same issue, and starts no second rollback
    company.merge(pull["head"]["ref"])
    report.write_text(json.dumps(alarm | {"version": "1"}), encoding="utf-8")
    before = len(hub.dispatched)
    company.do("make report-alarm")
    assert (len(hub.issues), len(hub.dispatched)) == (2, before)
    assert "Version 1 of the model" in hub.issues[-1]["body"]
