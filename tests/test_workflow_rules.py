"""The workflows keep the rules, and each rule is one that a broken workflow breaks."""

import re
import shutil
from pathlib import Path

import pytest
from helpers.support import bake
from helpers.workflow_rules import problems

CI, TRAIN, REVIEW = ".github/workflows/ci.yml", ".github/workflows/train.yml", ".github/workflows/review.yml"
RELEASE, DEPLOY, PROMOTE = (f".github/workflows/{name}.yml" for name in ("release", "deploy", "promote"))
STAGING, MONITOR, WEEKLY = (f".github/workflows/{name}.yml" for name in ("staging", "monitor", "weekly"))
SCORE = ".github/workflows/score.yml"
SETUP, PUBLISH = (f".github/actions/{name}/action.yml" for name in ("setup", "publish"))
RULES, VERSIONS, RELEASES = (f".github/rulesets/{name}.json" for name in ("main", "versions", "releases"))
ON_MAIN = "    if: github.ref == 'refs/heads/main'\n"
MUTATIONS = [
    (TRAIN, "      contents: write # dvc.lock, and the branch store\n", "      contents: read\n", "permissions are"),
    (REVIEW, "      pull-requests: write", "      pull-requests: read", "permissions are"),
    (REVIEW, "          ref: main\n", "          ref: ${{ github.event.pull_request.head.sha }}\n", "else than main"),
    (REVIEW, "workflows: [train]", "workflows: [training]", "on workflow_run"),
    (REVIEW, "] forks have no other way to a comment; none of their code runs here", "]", "reason"),
    (CI, "permissions: {}\n", "permissions: write-all\n", "grants rights"),
    (CI, "  pull_request:\n", "  pull_request_target:\n", "starts on"),
    (CI, "needs: [check, test]", "needs: [check]", "pass does not wait"),
    (CI, "    if: always()\n", "", "pass does not wait"),
    (CI, "persist-credentials: false", "persist-credentials: true", "token in the work tree"),
    (CI, "    timeout-minutes: 15\n", "", "no timeout"),
    (TRAIN, "branches-ignore: [store, gh-readonly-queue/**]", "branches: [main]", "on push"),
    (TRAIN, " && github.ref != 'refs/heads/main' }}", " }}", "ended by the next"),
    (TRAIN, "!github.event.pull_request.head.repo.fork && 'train (on push)'", "false && 'train'", "stands in"),
    (TRAIN, """!contains(fromJSON('["pull_request", "merge_group"]'), github.event_name) && """, "", "fork"),
    (TRAIN, '["pull_request", "merge_group"]', '["merge_group"]', "fork"),
    (TRAIN, "  merge_group: #", "  schedule: [{cron: '1 1 * * *'}]\n  merge_group: #", "starts on"),
    (CI, "  merge_group:\n", "", "merge queue"),
    (MONITOR, "on: { ", "on: { push: , schedule: [{cron: '1 1 * * *'}], ", "GitHub would disable"),
    (MONITOR, "      issues: write", "      issues: read", "permissions are"),
    (MONITOR, "run: make report-alarm", "run: make retrain", "make knows no"),
    (SCORE, "      - run: make score\n", "      - run: make pull-store\n", "password of"),
    (SCORE, "      issues: write", "      contents: write", "permissions are"),
    (WEEKLY, "  workflow_dispatch:\n", "  workflow_dispatch:\n  push:\n", "GitHub would disable"),
    (TRAIN, "      - run: make ingest\n        env:\n", "      - run: make review\n        env:\n", "password of"),
    (TRAIN, "    env:\n", "    env:\n      DATABASE_URL: ${{ secrets.DATABASE_URL }}\n", "every step has a secret"),
    (TRAIN, "DATABASE_URL: ${{ secrets.DATABASE_URL }}", "KEY: ${{ secrets.KUBECONFIG }}", "takes a secret"),
    (RELEASE, ON_MAIN, "", "another branch"),
    (DEPLOY, ON_MAIN, "    if: github.ref != 'refs/heads/store'\n", "another branch"),
    (PROMOTE, ON_MAIN, "    if: github.ref == 'refs/heads/main' || inputs.version == '1'\n", "another branch"),
    (STAGING, "'refs/heads/main' && (", "'refs/heads/main' || (", "another branch"),
    (PROMOTE, "VERSION: ${{ inputs.version }}", "VERSION: v${{ inputs.version }}", "version is not checked"),
    (PROMOTE, "      version:\n", "      reason:\n        type: string\n      version:\n", "reason is not checked"),
    (VERSIONS, '{ "type": "update" }, ', "", "create or move a version"),
    (RELEASES, '"actor_type": "DeployKey"', '"actor_type": "RepositoryRole"', "create or move a version"),
    (RELEASES, '"enforcement": "active"', '"enforcement": "disabled"', "create or move a version"),
    (RELEASE, "      - run: make image\n", "      - run: make image\n\n\n\n", "too many lines"),
    (TRAIN, "run: make write-back", "run: make write-bank", "make knows no"),
    (TRAIN, "GH_TOKEN: ${{ github.token }}", "GH_TOKEN: ${{ secrets.BOT_TOKEN }}", "takes a secret"),
    (TRAIN, "run: make review", "run: make review || true", "no line that works"),
    (".github/actions/report/action.yml", "path: reports\n", "paths: reports\n", "no input"),
    (RELEASE, "paths: [dvc.lock]", "paths: [dvc.yaml]", "on push"),
    (RELEASE, "cancel-in-progress: false", "cancel-in-progress: true", "half-way"),
    (RELEASE, "    environment: release #", "    environment: production #", "environment is"),
    (STAGING, "    environment: staging\n", "", "environment is"),
    (PUBLISH, "run: make sign", "run: make sign IMAGE=${{ steps.tag.outputs.name }}", "reaches a shell"),
    (PUBLISH, "run: make unattested", "run: echo", "no line that works"),
    (DEPLOY, "branches: [main]", "branches: [main, dev]", "on push"),
    (DEPLOY, "STEP=champion", "STEP=champions", "make knows no"),
    (SETUP, "# v10.0.1", "", "not pinned"),
    (RULES, '{ "context": "train" }', '{ "context": "training" }', "main requires"),
    (RULES, '    { "type": "non_fast_forward" },\n', "", "rewritten"),
]  # fmt: skip


EDITS = [  # each is made wherever it can be made, one place at a time
    (r": write( #.*)?$", ": read"),
    (r"^permissions: \{\}$", "permissions: write-all"),
    (r"^    timeout-minutes: .*\n", ""),
    (r"^    environment: .*\n", ""),
    (r"^    runs-on: .*$", "    runs-on: ubuntu-latest"),
    (r"persist-credentials: false", "persist-credentials: true"),
    (r"@[0-9a-f]{40} # v", "@v"),
    (r"^  cancel-in-progress: .*\n", ""),
    (r"^concurrency:\n(  .*\n)*", ""),
    (r"run: make ", "run: true "),
    (r"run: make ", "run: make un"),
    (r"^ +GH_TOKEN: .*\n", ""),
    (r'GH_TOKEN: "?\$\{\{.*?\}\}"?', 'GH_TOKEN: "${{ secrets.BOT }}"'),
    (r"^  (push|pull_request|pull_request_target|schedule|workflow_dispatch|workflow_run):", "  release:"),
    (r"^    branches: .*\n", ""),
    (r"^    (paths|types|workflows): .*\n", ""),
    (r"^ +ref: main\n", ""),
    (r"^( +)(- run: make)", r"\1- continue-on-error: true\n\1  run: make"),
]


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baked project, to look at."""
    return bake(tmp_path_factory.mktemp("rules"))


def lightly_copied(project: Path, folder: Path) -> Path:
    """Return a copy of the files of *project* that the rules are about."""
    copy = folder / "project"
    shutil.copytree(project / ".github", copy / ".github")
    for name in ("Makefile", "platform/ci.mk"):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(project / name, copy / name)
    return copy


def test_workflows_keep_the_rules(baked: Path) -> None:
    assert problems(baked) == []


@pytest.mark.parametrize(("file", "old", "new", "told"), MUTATIONS)
def test_broken_workflow_is_found(file: str, old: str, new: str, told: str, baked: Path, tmp_path: Path) -> None:
    copy = lightly_copied(baked, tmp_path)
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = problems(copy)
    assert any(told in one for one in found), found


@pytest.mark.nightly
@pytest.mark.parametrize(
    "workflow",
    [
        "ci",
        "deploy",
        "monitor",
        "monthly",
        "nightly",
        "platform",
        "promote",
        "release",
        "review",
        "score",
        "staging",
        "template",
        "train",
        "tune",
        "weekly",
    ],
)
def test_whatever_is_broken_in_a_workflow_is_found(workflow: str, baked: Path, tmp_path: Path) -> None:
    copy = lightly_copied(baked, tmp_path)
    path, made, missed = copy / f".github/workflows/{workflow}.yml", 0, []
    text = path.read_text(encoding="utf-8")
    for pattern, replacement in EDITS:
        for found in re.finditer(pattern, text, re.MULTILINE):
            broken = text[: found.start()] + found.expand(replacement) + text[found.end() :]
            path.write_text(broken, encoding="utf-8")
            made += 1
            if not problems(copy):
                missed.append((found[0], replacement))
    assert missed == []
    assert made >= 14, f"only {made} ways"
