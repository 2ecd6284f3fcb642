"""The status says what git, the reports and GitHub say, and what it does not know; it names nobody."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from helpers import gitops
from helpers.git import git

from mlgitops.common.errors import ProjectError
from mlgitops.data.distribution import Shift
from mlgitops.github import api, artifacts, production
from mlgitops.lineage import command, site, status
from mlgitops.monitoring.outcomes import OutcomeCounts
from mlgitops.monitoring.production import Period, Production, Value
from mlgitops.monitoring.report import ColumnDrift, Drift

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOSTILE = "Fix <script>alert(1)</script>"
ITEMS: list[dict[str, Any]] = [
    {"number": 7, "title": HOSTILE, "html_url": "https://x/7", "created_at": "2026-04-30T10:00:00Z", "pull_request": 1},
    {"number": 6, "title": "Alarm", "html_url": "https://x/6", "created_at": "2026-04-01T10:00:00Z", "user": "Ada"},
]


@pytest.fixture
def project(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with two releases, of which production ran the first, then the second, then the first."""
    monkeypatch.delenv("GH_TOKEN", raising=False)
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    for number, image in enumerate(gitops.IMAGES[:2], 1):
        message = f"example {number}\n\nimage: {image}\ncommit: {number}{'c' * 39}\n\n| {HOSTILE} |"
        git("tag", "--annotate", "--cleanup=verbatim", "-m", message, f"model/v{number}", cwd=folder)
    git("push", "--quiet", "--tags", "origin", cwd=folder)
    for image in (*gitops.IMAGES[:2], gitops.IMAGES[0]):
        gitops.declare(folder, image)
    monkeypatch.setattr(status.shutil, "which", lambda _: None)
    return folder


def period(start: str, value: float, verdict: Any = "as evaluated") -> Period:
    return Period(start, start, "1", 9, 9, None, 0.7, Value(value), {}, None, verdict)


def reports(folder: Path, reasons: tuple[str, ...] = ()) -> None:
    """Write the reports of performance and drift."""
    periods = (period("2026-04-01", 0.71), period("2026-04-08", 0.61, "worse"))
    counts = OutcomeCounts(rule="last")
    measured = Production("late", "roc_auc", "2026-04-20", "1", 18, 0, 0, 0.0, counts, periods, (), reasons)
    measured.save(folder / status.PERFORMANCE)
    column = ColumnDrift("wind", True, Shift(0.3, 0.1, "1 to 2", 0.1, 0.5))
    Drift("f" * 64, "late", 0.2, 50, 2, 100, ("wind",), (column,)).save(folder / status.DRIFT)


def answer(monkeypatch: pytest.MonkeyPatch, entries: Any) -> None:
    """Let GitHub answer with *entries*, or fail with them."""

    def ask(path: str, *_: Any, **__: Any) -> Any:
        if isinstance(entries, ProjectError):
            raise entries
        return entries

    monkeypatch.setattr(status.shutil, "which", lambda _: "gh")
    monkeypatch.setattr(api, "api", ask)


def test_git_says_what_runs_where_since_when_and_who_approved_is_not_named(project: Path) -> None:
    state = status.status(NOW)
    staging, live = state.environments
    assert (staging.version, staging.approval) == ("2", "tag model/v2")
    assert (live.version, live.commit) == ("1", production.history()[-1].commit)
    assert live.since == production.history()[-1].at[:16]
    assert [state.version_of(entry.image) for entry in state.declared] == ["1", "2", "1"]
    page = site.page(state)
    assert "Production: " in page  # the subject of the commit
    assert "Ada" not in page
    assert "The GitHub CLI" in page or status.NO_PROGRAM in page
    assert "production   version 1 since" in site.text(state)


def test_performance_and_drift_are_those_of_the_last_reports(project: Path) -> None:
    assert "not measured here" in site.text(status.status(NOW))
    assert "The performance is not measured" in site.page(status.status(NOW))
    reports(project)
    page = site.page(status.status(NOW))
    assert "No alarm" in page
    assert "<polyline" in page
    assert page.index("2026-04-08") < page.index("2026-04-01")  # the newest first
    assert "Drifted: wind" in page
    reports(project, ("worse in 2 of 3 periods",))
    state = status.status(NOW)
    assert "ALARM: worse in 2 of 3" in site.text(state)
    assert 'class="refused"' in site.page(state)


def test_what_is_open_is_listed_and_escaped_or_said_to_be_unknown(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, ITEMS)
    state = status.status(NOW)
    assert [(item.kind, item.number) for item in state.items] == [("pull request", 7), ("issue", 6)]
    page = site.page(state)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "Ada" not in page
    answer(monkeypatch, [])
    assert "No pull request and no issue is open" in site.page(status.status(NOW))
    answer(monkeypatch, ProjectError("HTTP 401: log in\nmore"))
    assert "GitHub did not answer: HTTP 401: log in." in site.page(status.status(NOW))


def test_without_a_remote_the_status_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "git", lambda *_: "")
    state = status.status(NOW)
    assert state.unasked == status.NO_REMOTE
    assert [place.image for place in state.environments] == [None, None]
    assert "Nothing runs here yet." in site.page(state)


def test_a_site_links_only_to_pages_that_it_has_and_they_hold_no_markup_of_others(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = {"1": f"# Card {HOSTILE}"}
    monkeypatch.setattr(command, "known", lambda: ())
    monkeypatch.setattr(site.card, "of_version", lambda version, _: cards.get(version))
    assert site.site(status.status(NOW), tmp_path / "site") == ["2"]
    names = {path.name for path in (tmp_path / "site").iterdir()}
    assert names == {"index.html", "review-v1.html", "review-v2.html", "card-v1.html"}
    for path in (tmp_path / "site").iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'href="([^"]+\.html)"', text)) <= names
        assert "<script>" not in text
        assert "Ada" not in text
    assert "Fix &lt;script&gt;" in (tmp_path / "site/review-v2.html").read_text(encoding="utf-8")


def test_a_site_is_written_also_where_github_does_not_answer(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ProjectError("HTTP 401: log in"))
    monkeypatch.setattr(command, "known", lambda: ())
    result = CliRunner().invoke(site.main, ["site"])
    assert result.exit_code == 0, result.output
    assert "without a card, because the registry has no such version: 2, 1" in result.output
    assert (project / "build/site/index.html").is_file()
    CliRunner().invoke(site.main, ["status"], catch_exceptions=False)
    assert (project / "reports/status.html").is_file()


def test_reports_of_the_last_run_on_main_are_fetched_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("production.json", "../escaped.json", "other.json"):
            packed.writestr(name, json.dumps({"of": name}))
    asked: list[str] = []
    old = {"id": 1, "name": "production", "expired": True, "size_in_bytes": 5}
    large = {"id": 2, "name": "production", "expired": False, "size_in_bytes": artifacts.MAX_ARTIFACT_BYTES + 1}
    good = {"id": 3, "name": "production", "expired": False, "size_in_bytes": 5}
    replies = {"runs/10": [old], "runs/11": [large, {**good, "name": "reports"}], "runs/12": [good], "runs/13": [good]}

    def ask(path: str, **_: Any) -> Any:
        asked.append(path)
        runs = [{"id": number} for number in (10, 11, 12, 13)]
        return {"workflow_runs": runs, "artifacts": next((r for key, r in replies.items() if key in path), [])}

    monkeypatch.setattr(api, "api", ask)
    monkeypatch.setattr(api, "download", lambda path: archive.getvalue() if "/3/" in path else pytest.fail(path))
    artifacts.fetch_production(tmp_path / "reports", ("production.json", "drift.json"))
    assert "branch=main" in asked[0]
    assert asked[-1].startswith("/actions/runs/12")
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["production.json"]
    (tmp_path / "reports/production.json").write_text("mine", encoding="utf-8")
    artifacts.fetch_production(tmp_path / "reports", ("production.json",))
    assert (tmp_path / "reports/production.json").read_text(encoding="utf-8") == "mine"
