"""An alarm becomes one issue, one message and one training; a retrained model that is refused is no pull request."""

import io
import json
import urllib.error
import urllib.request
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from helpers import contracts, gitops
from helpers.git import git
from helpers.gitops import lock

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Monitor, Retrain
from mlgitops.data.distribution import Shift
from mlgitops.data.reading import IngestReport
from mlgitops.github import alarm as report_alarm
from mlgitops.github import api, failure, going_back, promote, refresh, tags, write_back
from mlgitops.monitoring import alarm
from mlgitops.monitoring.outcomes import OutcomeCounts
from mlgitops.monitoring.production import Period, Production, Value
from mlgitops.monitoring.report import ColumnDrift, Drift

WEEK = Period("2024-05-06", "2024-05-13", "3", 900, 450, 2.0, 0.75, Value(0.61, 0.58, 0.64), {}, 0.72, "worse")
PRODUCTION = Production("late", "roc_auc", "2024-05-20", "3", 900, 0, 0, 0.0, OutcomeCounts(), (WEEK,), (), ())
WORSE = replace(PRODUCTION, reasons=("version 3: 0.61 is below",))
MOVED = ColumnDrift("temperature", True, Shift(0.9, 0.1, "above 80", 0.1, 0.6), usual=0.3)
DRIFT = Drift("m", "late", 0.2, 100, 0, 1000, ("temperature",), (MOVED,))
LIMITS = Monitor.model_validate({"max_psi": 0.2})


@pytest.mark.parametrize(
    ("production", "moved", "reasons"),
    [
        (PRODUCTION, None, []),
        (PRODUCTION, DRIFT, []),
        (None, DRIFT, []),
        (WORSE, None, ["below"]),
        (replace(PRODUCTION, refused=80, refused_share=0.8), None, ["80.0% of the newest requests"]),
        (None, replace(DRIFT, refused=80), ["80 of 100 recent rows"]),
        (None, replace(DRIFT, refused=100, drifted=(), columns=()), ["none of the 100 recent rows"]),
        (PRODUCTION, replace(DRIFT, columns=(replace(MOVED, unseen=0.5, strange=True),)), ["temperature (50.0%)"]),
        (WORSE, replace(DRIFT, refused=80), ["below", "80 of 100"]),
    ],
)
def test_performance_and_rows_that_are_no_longer_valid_decide_and_drift_explains(
    production: Production | None, moved: Drift | None, reasons: list[str]
) -> None:
    decided = alarm.decide(production, moved, LIMITS)
    assert len(decided.reasons) == len(reasons)
    assert all(part in reason for part, reason in zip(reasons, decided.reasons, strict=True))


def test_drift_decides_where_the_project_asks_for_it() -> None:
    limits = LIMITS.model_copy(update={"drift_alarm": True})
    assert "temperature drifted" in alarm.decide(None, DRIFT, limits).reasons[0]


def test_the_explanations_name_what_moved_and_by_how_much() -> None:
    (moved, estimated) = alarm.decide(WORSE, DRIFT, LIMITS).explanations
    assert moved == (
        "temperature drifted: PSI 0.90, at most 0.30 by chance; above 80 was 10.0% of the rows and is 60.0%"
    )
    assert "without outcomes: 0.7200" in estimated


def run(folder: Path, *reports: Production | Drift) -> Any:
    for report in reports:
        report.save(folder / ("drift.json" if isinstance(report, Drift) else "production.json"))
    return CliRunner().invoke(alarm.main, [str(folder)])


def test_the_exit_code_says_alarm_no_alarm_or_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    undecided = run(tmp_path / "reports")
    assert (undecided.exit_code, "make performance" in undecided.output) == (1, True)
    quiet = run(tmp_path / "reports", PRODUCTION, DRIFT)
    assert (quiet.exit_code, quiet.output) == (0, "no alarm for late\n")
    loud = run(tmp_path / "reports", WORSE)
    assert (loud.exit_code, loud.output) == (alarm.ALARM, "alarm for late: version 3: 0.61 is below\n")
    nothing, output = (tmp_path / "output").read_text().splitlines()
    assert nothing == "alarm="
    assert alarm.Alarm.parse(output.removeprefix("alarm="), "output").reasons == WORSE.reasons
    assert alarm.Alarm.load(tmp_path / "reports/alarm.json").reasons == WORSE.reasons


class GitHub:
    """Answers as GitHub does, with the issues that were opened."""

    def __init__(self) -> None:
        """Start without an issue."""
        self.issues: list[dict[str, Any]] = []
        self.dispatched: list[tuple[str, Any]] = []

    def __call__(self, path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
        """Answer a request to a path below the repository."""
        if path.startswith("/actions/workflows/"):
            self.dispatched.append((path, body))
            return None
        if method == "GET":
            return [one for one in self.issues if one["state"] == "open"] if path.endswith("page=1") else []
        if method == "POST":
            number = len(self.issues) + 1
            url, user = f"https://example.org/issues/{number}", {"login": "github-actions[bot]"}
            self.issues.append({**body, "number": number, "state": "open", "html_url": url, "user": user})
            return self.issues[-1]
        issue = self.issues[int(path.rpartition("/")[2]) - 1]
        issue.update(body)
        return issue


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> GitHub:
    answers = GitHub()
    monkeypatch.setattr(api, "api", answers)
    monkeypatch.delenv("ALARM_WEBHOOK", raising=False)
    return answers


def report(folder: Path, decided: alarm.Alarm) -> Any:
    decided.save(folder / "alarm.json")
    return CliRunner().invoke(report_alarm.main, [str(folder / "alarm.json")])


def test_an_alarm_is_one_issue_with_evidence_and_choices_and_one_training(tmp_path: Path, github: GitHub) -> None:
    decided = alarm.decide(WORSE, DRIFT, LIMITS)
    first, second = report(tmp_path, decided), report(tmp_path, replace(decided, reasons=("still worse",)))
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    (issue,) = github.issues
    assert "- still worse" in issue["body"]
    for part in (
        "2024-05-06",
        "0.6100 [0.5800, 0.6400]",
        "temperature drifted",
        "make rollback",
        "wait",
        "fix the data",
    ):
        assert part in issue["body"]
    ((path, body),) = github.dispatched
    assert path == "/actions/workflows/train.yml/dispatches"
    assert body["inputs"] == {"refresh": "true", "because": "alarm: https://example.org/issues/1"}


def test_a_closed_issue_is_opened_again_as_another_one(tmp_path: Path, github: GitHub) -> None:
    decided = alarm.decide(WORSE, None, LIMITS)
    report(tmp_path, decided)
    github.issues[0]["state"] = "closed"
    report(tmp_path, decided)
    assert [issue["state"] for issue in github.issues] == ["closed", "open"]
    assert len(github.dispatched) == 2


def test_an_issue_that_a_person_wrote_is_never_overwritten(tmp_path: Path, github: GitHub) -> None:
    decided = alarm.decide(WORSE, None, LIMITS)
    report(tmp_path, decided)
    github.issues[0]["user"]["login"] = "somebody"
    report(tmp_path, decided)
    assert len(github.issues) == 2


def test_a_scheduled_run_that_fails_is_one_issue_also_with_the_token_of_a_person(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "user", lambda: "ada")
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    workflow = dict(zip(names, ("https://github.com", "acme/late", "7"), strict=True))
    runs = [workflow, {"RUN_NAME": "late-score-1"}, {}]
    bodies = []
    for environment in runs:
        done = CliRunner().invoke(failure.main, ["score"], env=environment)
        assert done.exit_code == 0, done.output
        (issue,) = github.issues
        assert issue["title"] == "score has failed"
        bodies.append(issue["body"].splitlines()[1])
        issue["user"]["login"] = "ada"
    assert bodies == [
        "The scheduled run of `score` has failed: [log](https://github.com/acme/late/actions/runs/7).",
        "The scheduled run of `score` has failed: run late-score-1, see the log of its job.",
        "The scheduled run of `score` has failed.",
    ]


def test_without_an_alarm_nothing_is_reported(tmp_path: Path, github: GitHub) -> None:
    assert report(tmp_path, alarm.decide(PRODUCTION, None, LIMITS)).output == "no alarm for late\n"
    assert (github.issues, github.dispatched) == ([], [])
    decided = json.dumps(asdict(alarm.decide(WORSE, None, LIMITS)))
    done = CliRunner().invoke(report_alarm.main, [], env={"ALARM": decided})  # from the job before
    assert (done.exit_code, len(github.issues)) == (0, 1)
    missing = CliRunner().invoke(report_alarm.main, [str(tmp_path / "nowhere.json")])
    assert (missing.exit_code, "make alarm" in missing.output) == (1, True)


@pytest.fixture
def deployed(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose production ran version 2, and now runs version 3, as the current folder."""
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    for version, image in zip("23", gitops.IMAGES, strict=False):
        tags.create(version, image, {}, "the review")
        gitops.declare(folder, image)
    return folder


def wants(monkeypatch: pytest.MonkeyPatch, days: int | None) -> None:
    """Let the project go back by itself in so many days after a deployment."""
    monitor = LIMITS.model_copy(update={"roll_back_days": days})
    params = contracts.PARAMS.model_copy(update={"monitor": monitor})
    monkeypatch.setattr(report_alarm.Params, "load", lambda path: params)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(("days", "version", "started"), [(None, "3", False), (7, "3", True), (7, "2", False)])
def test_an_alarm_soon_after_a_deployment_offers_to_go_back_and_does_so_if_the_project_wants_it(
    tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch, days: int | None, version: str, started: bool
) -> None:
    wants(monkeypatch, days)
    done = report(tmp_path, replace(alarm.decide(WORSE, None, LIMITS), version=version))
    assert done.exit_code == 0, done.output
    (issue,) = github.issues
    assert ("version 2 was better: version 3 runs since" in issue["body"]) is (version == "3")
    rollbacks = [body["inputs"] for path, body in github.dispatched if "promote.yml" in path]
    assert rollbacks == ([{"version": "previous", "because": f"alarm: {issue['html_url']}"}] if started else [])
    report(tmp_path, replace(alarm.decide(WORSE, None, LIMITS), version=version))  # again, for the same issue
    assert len(github.dispatched) == 1 + started


def test_a_rollback_starts_once_for_each_version_that_an_open_issue_is_about(
    deployed: Path, tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(monkeypatch, 7)

    def rollbacks(version: str) -> int:
        done = report(tmp_path, replace(alarm.decide(WORSE, None, LIMITS), version=version))
        assert done.exit_code == 0, done.output
        return len([path for path, _ in github.dispatched if "promote.yml" in path])

    assert [rollbacks("3"), rollbacks("3")] == [1, 1]
    gitops.declare(deployed, gitops.IMAGES[0])  # production went back
    assert [rollbacks("3"), rollbacks("2")] == [1, 1]
    tags.create("4", gitops.IMAGES[2], {}, "")  # nobody has closed the issue, and the next version is no better
    gitops.declare(deployed, gitops.IMAGES[2])
    assert [rollbacks("2"), rollbacks("4"), rollbacks("4")] == [1, 2, 2]
    assert len(github.issues) == 1
    assert len([path for path, _ in github.dispatched if "train.yml" in path]) == 1


def test_production_never_goes_back_twice_by_itself_and_not_long_after_a_deployment(
    deployed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = going_back.find("3")
    assert back is not None
    assert (back.before, back.again) == ("2", False)
    assert back.due(back.since + timedelta(days=6), 7)
    assert not back.due(back.since + timedelta(days=7), 7)
    tags.create("1", gitops.IMAGES[2], {}, "")
    for image in (gitops.IMAGES[2], gitops.IMAGES[1]):
        gitops.declare(deployed, image)
    back = going_back.find("3")
    assert back is not None
    assert (back.before, back.again, back.due(back.since, 7)) == ("2", True, False)


def test_nothing_to_go_back_to_is_no_error(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gitops.project(origin, tmp_path / "project"))
    assert going_back.find("3") is None
    assert going_back.find(None) is None


@pytest.mark.usefixtures("deployed")
def test_the_version_before_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(promote, "propose", lambda release, reason: asked.append((release.version, reason)))
    monkeypatch.setenv("BECAUSE", "alarm: https://example.org/issues/1")
    assert CliRunner().invoke(promote.main, ["previous"]).exit_code == 0
    assert asked == [("2", "Reason: alarm: https://example.org/issues/1")]


def test_a_webhook_gets_the_sentence_and_the_issue(
    tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    def open_url(request: urllib.request.Request, timeout: int) -> io.BytesIO:
        sent.append((request.full_url, json.loads(bytes(request.data or b""))))  # type: ignore[arg-type]
        return io.BytesIO()

    monkeypatch.setattr(urllib.request, "urlopen", open_url)
    monkeypatch.setenv("ALARM_WEBHOOK", "https://example.org/secret")
    assert report(tmp_path, alarm.decide(WORSE, None, LIMITS)).exit_code == 0
    ((address, message),) = sent
    assert address == "https://example.org/secret"
    assert message["text"].startswith("alarm for late: ")
    assert message["issue"] == "https://example.org/issues/1"


@pytest.mark.parametrize("address", ["http://example.org/secret", "file:///etc/passwd", "https://example.org/secret"])
def test_a_webhook_that_fails_is_an_error_without_its_address_and_the_training_has_started(
    tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.HTTPError(address, 403, "no", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("ALARM_WEBHOOK", address)
    done = report(tmp_path, alarm.decide(WORSE, None, LIMITS))
    assert done.exit_code == 1
    assert "ALARM_WEBHOOK" in done.output
    assert "secret" not in done.output.replace("the secret", "")
    assert len(github.dispatched) == 1


@pytest.fixture
def project(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def test_a_retrained_model_that_is_refused_is_an_issue_and_no_pull_request(
    project: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(project, train="2", export="2")
    monkeypatch.setattr(write_back, "refusal", lambda: "- max_drop: too large")
    for _ in range(2):
        assert "no pull request" in write_back.write_back("main")
    (issue,) = github.issues
    assert "max_drop" in issue["body"]
    assert "head" not in issue


def test_the_gates_that_refused_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_back.refusal() == ""
    gates = [("min_score", True), ("max_drop", False), ("max_psi", None)]
    parts = [type("Gate", (), {"name": n, "passed": p, "measured": "-0.1", "required": "0"}) for n, p in gates]
    result = type("Report", (), {"accepted": False, "gates": parts, "verdict": "refused"})
    files.write_json(project / "reports/review.json", {})
    monkeypatch.setattr(write_back.Report, "load", lambda path: result)
    assert write_back.refusal() == "- max_drop: -0.1; required: 0"


def test_the_pull_request_says_why_the_training_was_started(
    project: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BECAUSE", "alarm: https://example.org/issues/1\n\n## not a heading")
    lock(project, train="2", export="2")
    write_back.write_back("main")
    (pull,) = github.issues
    assert pull["body"].endswith("Reason: alarm: https://example.org/issues/1 ## not a heading")


def test_a_report_of_another_program_is_an_error(tmp_path: Path) -> None:
    files.write_json(tmp_path / "production.json", {"alarm": True})
    with pytest.raises(ProjectError, match=r"production\.json"):
        Production.load(tmp_path / "production.json")


@pytest.mark.parametrize(
    ("rows", "days", "added", "age", "worth"),
    [
        (None, None, 0, 1.0, True),
        (100, None, 99, 999.0, False),
        (100, None, 100, 1.0, True),
        (100, None, -500, 1.0, False),
        (100, None, None, 1.0, True),
        (None, 30, 0, 29.0, False),
        (None, 30, 0, 30.0, True),
        (None, 30, 0, None, True),
        (100, 30, 5, 31.0, True),
        (100, 30, 5, 3.0, False),
    ],
)
def test_a_scheduled_training_waits_for_enough_rows_or_an_old_model(
    rows: int | None, days: int | None, added: int | None, age: float | None, worth: bool
) -> None:
    assert bool(refresh.due(Retrain(rows=rows, days=days), added, age)) is worth


@pytest.mark.parametrize(("rows", "kept"), [(10, True), (11, False)])
def test_data_that_is_not_worth_a_training_is_restored(
    project: Path, monkeypatch: pytest.MonkeyPatch, rows: int, kept: bool
) -> None:
    def count(number: int) -> None:
        IngestReport("a.csv", "csv", number, 2, {}, ()).save(refresh.REPORT)

    def dvc(*words: str) -> None:
        done.append(words[0])
        if words[0] == "repro":
            count(110)
            lock(project, ingest="2", train="1")

    done: list[str] = []
    lock(project, ingest="1", train="1")
    git("commit", "--quiet", "--all", "--message", "Data", cwd=project)
    settings = contracts.PARAMS.model_copy(update={"retrain": Retrain(rows=rows, days=None)})
    monkeypatch.setattr(refresh.Params, "load", lambda path: settings)
    monkeypatch.setattr(refresh, "_dvc", dvc)
    count(100)
    result = CliRunner().invoke(refresh.main, [])
    assert result.exit_code == 0, result.output
    assert done == ["pull", "repro", *([] if kept else ["checkout"])]
    assert (git("status", "--porcelain", "--", "dvc.lock", cwd=project) == "") is not kept
