"""A scheduled run scores with the champion; a failure is one issue, and a night without rows is none."""

import csv
import json
from pathlib import Path

import pytest
from helpers.acting import Actions
from helpers.support import copied, need, run, sources


@pytest.mark.nightly
def test_the_workflow_scores_with_the_champion_and_keeps_one_issue_of_failures(champion: Path, tmp_path: Path) -> None:
    need(("act", "gh", "jq"))
    work = copied(champion, tmp_path)
    golden = json.loads((work / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    for name, rows in {"good": golden, "none": [], "broken": [{**golden[0], "distance": -1}]}.items():
        with (work / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, golden[0])
            writer.writeheader()
            writer.writerows(rows)
    (tmp_path / "github").mkdir()
    actions = Actions(tmp_path / "github", work, {})
    scored = tmp_path / "scored.csv"
    try:
        run("git", "remote", "add", "origin", str(actions.origin), cwd=work)
        actions.commit("The rows of three nights")
        actions.left_out = {path.name for path in (work / ".github/workflows").iterdir()} - {"score.yml"}
        actions.push("main")
        run("make", "push-store", cwd=work, **sources(work))
        (skipped,) = actions.dispatch("score.yml")
        assert skipped.jobs == {}
        actions.variables |= {"SCORE_DATA": "good.csv", "SCORE_OUT": str(scored)}
        (night,) = actions.dispatch("score.yml")
        assert night.jobs == {"score": "success"}, night.failures
        assert f"{len(golden)} of {len(golden)} rows scored by version 1" in night.log
        assert len(scored.read_text(encoding="utf-8").splitlines()) == len(golden) + 1
        actions.variables["SCORE_DATA"] = "none.csv"
        (night,) = actions.dispatch("score.yml")
        assert night.jobs == {"score": "success"}, night.failures
        assert len(scored.read_text(encoding="utf-8").splitlines()) == 1
        assert actions.hub.issues == []
        actions.variables["SCORE_DATA"] = "broken.csv"
        for number in range(2):
            (night,) = actions.dispatch("score.yml")
            assert night.jobs == {"score": "failure", "respond": "success"}, night.failures
            assert "1 rows break the contract" in night.log
            (issue,) = actions.hub.issues
            assert issue["title"] == "score has failed"
            assert issue["body"].count("/actions/runs/") == 1, number
    finally:
        actions.close()
