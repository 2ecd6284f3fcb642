"""What must be true of a generated repository's workflows: all that neither a linter nor their execution shows."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from . import doubles

PINNED = re.compile(r"uses: (?P<name>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")
LINES = re.compile(
    r"make [\w-]+( [A-Z]+=(\"\$[A-Z]+\"|[\w-]+))?|git diff --exit-code dvc\.lock|test \"\$RESULTS\" = .*"
)
READ, WRITE = "read", "write"
GRANTED: dict[str, dict[str, dict[str, str]]] = {
    "ci.yml": {"check": {"contents": READ}, "test": {"contents": READ}, "pass": {}},
    "deploy.yml": {
        "production": {"actions": WRITE, "contents": WRITE, "id-token": WRITE, "pull-requests": WRITE},
    },
    "monitor.yml": {"monitor": {"contents": READ, "id-token": WRITE}},
    "platform.yml": {"test": {"contents": READ}},
    "promote.yml": {"promote": {"actions": WRITE, "contents": WRITE, "id-token": WRITE, "pull-requests": WRITE}},
    "release.yml": {
        "release": {"attestations": WRITE, "contents": WRITE, "id-token": WRITE, "packages": WRITE},
        "staging": {"contents": READ, "id-token": WRITE},
    },
    "review.yml": {"comment": {"actions": READ, "contents": READ, "pull-requests": WRITE}},
    "template.yml": {"update": {"actions": WRITE, "contents": WRITE, "pull-requests": WRITE}},
    "train.yml": {"train": {"actions": WRITE, "contents": WRITE, "id-token": WRITE, "pull-requests": WRITE}},
}
PLATFORM = ["platform/**", "pyproject.toml", "uv.lock"]
STARTED: dict[str, dict[str, Any]] = {
    "ci.yml": {"push": {"branches": ["main"]}, "pull_request": "", "workflow_dispatch": ""},
    "deploy.yml": {"push": {"branches": ["main"], "paths": ["deploy/**"]}, "workflow_dispatch": ""},
    "monitor.yml": {"schedule": ..., "workflow_dispatch": ""},
    "platform.yml": {"push": {"branches": ["main"], "paths": PLATFORM}, "pull_request": {"paths": PLATFORM}},
    "promote.yml": {"workflow_dispatch": ...},
    "release.yml": {"push": {"branches": ["main"], "paths": ["dvc.lock"]}, "workflow_dispatch": ""},
    "review.yml": {
        "workflow_run": {"workflows": ["train"], "types": ["completed"]},
        "pull_request_target": {"types": ["opened", "reopened"]},
    },
    "template.yml": {"schedule": ..., "workflow_dispatch": ""},
    # every push, because main requires its check: one that is not started would be waited for
    "train.yml": {"push": {"branches-ignore": ["store"]}, "pull_request": "", "schedule": ..., "workflow_dispatch": ""},
}
ENVIRONMENTS = {("deploy.yml", "production"): "production", ("release.yml", "staging"): "staging"}
SECRETS = {"DATABASE_URL", "KUBECONFIG", "REGISTRY_PASSWORD", "SCORING_API_KEY", "TEMPLATE_TOKEN"}
RUN: dict[str, list[str]] = {  # the make targets of each workflow, in order
    "ci.yml": ["lint", "test"],
    "deploy.yml": ["pull-store", "deploy", "with-store", "deploy-failed"],
    "monitor.yml": ["pull-store", "pipeline", "monitor"],
    "platform.yml": ["test-platform"],
    "promote.yml": ["pull-store", "promote"],
    "release.yml": [
        "pull-store",
        "pipeline",
        "review",
        "with-store",
        "image",
        "push-image",
        "tag",
        "sign",
        "pull-store",
        "deploy",
    ],
    "review.yml": ["comment"],
    "template.yml": ["update-template"],
    "train.yml": ["pull-store", "refresh", "pipeline", "review", "summary", "push-store", "write-back"],
}
ASKING = {  # GitHub, or the branch `store`
    *("comment", "deploy", "deploy-failed", "promote", "pull-store", "push-store", "tag", "update-template"),
    *("with-store", "write-back"),
}
TOKENS = ("${{ github.token }}", "${{ secrets.TEMPLATE_TOKEN || github.token }}")
HALFWAY = ("deploy.yml", "promote.yml", "release.yml", "template.yml")  # never ended before they are done


def problems(project: Path) -> list[str]:
    """Return what is wrong with the workflows of *project*, a line each."""
    folder = project / ".github"
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("workflows/*.yml"))}
    read = {name: yaml.load(text, Loader=yaml.BaseLoader) for name, text in texts.items()}  # noqa: S506  # "on" stays a word
    setup = (folder / "actions/setup/action.yml").read_text(encoding="utf-8")
    found = [f"workflows are {', '.join(read)}"] if read.keys() != GRANTED.keys() else []
    for name, workflow in read.items():
        found += [f"{name}: {text}" for text in _workflow(name, workflow)]
    for name, text in {**texts, "setup": setup}.items():
        found += [f"{name}: {text}" for text in _text(text)]
    found += _required(read, folder / "rulesets/main.json")
    found += _trusted(read["review.yml"], texts)
    found += _targets(
        texts, "".join((project / name).read_text(encoding="utf-8") for name in ("Makefile", "platform/ci.mk"))
    )
    return found or list(_linters(project))


def _workflow(name: str, workflow: dict[str, Any]) -> Iterator[str]:
    started = STARTED.get(name, {})
    if workflow["on"].keys() != started.keys():
        yield f"starts on {', '.join(workflow['on'])}"
    for event, wanted in started.items():
        if wanted is not ... and workflow["on"].get(event) != wanted:
            yield f"on {event}: {workflow['on'].get(event)}"
    if workflow["permissions"] != {}:
        yield "grants rights to all of its jobs"
    stops = workflow.get("concurrency", {}).get("cancel-in-progress")
    if stops is None or (name in HALFWAY and stops != "false") or (stops == "true") != (name == "review.yml"):
        yield f"may be ended half-way: {stops}"
    if name == "train.yml" and "refs/heads/main" not in str(stops):
        yield "a run on main may be ended by the next"
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    does = [words[1] for step in steps if (words := step.get("run", "").split())[:1] == ["make"]]
    if does != RUN.get(name):
        yield f"makes {', '.join(does)}"
    for key, job in workflow["jobs"].items():
        if job["runs-on"] != "ubuntu-24.04" and not job["runs-on"].startswith("${{ fromJSON(vars."):
            yield f"{key}: runs on {job['runs-on']}"
        if job.get("permissions", {}) != GRANTED.get(name, {}).get(key):
            yield f"{key}: permissions are {job.get('permissions')}"
        if job.get("environment") != ENVIRONMENTS.get((name, key)):
            yield f"{key}: environment is {job.get('environment')}"
        if not str(job.get("timeout-minutes", "")).isdecimal():
            yield f"{key}: has no timeout"
        for step in job["steps"]:
            yield from _step(key, step)


def _step(job: str, step: dict[str, Any]) -> Iterator[str]:
    if "run" in step and not LINES.fullmatch(step["run"]):
        yield f"{job}: {step['run']!r} is no line that works on a laptop"
    if step.get("uses", "").startswith("actions/checkout@") and step["with"].get("persist-credentials") != "false":
        yield f"{job}: leaves its token in the work tree"
    asks = bool({*step.get("run", "").split()[1:2]} & ASKING)
    if asks and (step.get("env") or {}).get("GH_TOKEN") not in TOKENS:
        yield f"{job}: {step['run']} has no token to ask GitHub with"
    action = step.get("uses", "").partition("@")[0]
    if action and not action.startswith("./"):
        unknown = step.get("with", {}).keys() - doubles.DOUBLES[action].inputs.keys()
        if unknown:
            yield f"{job}: {action} has no input {', '.join(unknown)}"
    if "make" in step.get("run", "") and "secrets." in str(step.get("if", "")):
        yield f"{job}: a secret decides what runs"


def _text(text: str) -> Iterator[str]:
    if "continue-on-error" in text:
        yield "goes on after an error"
    for line in text.splitlines():
        if "uses: " in line and "uses: ./" not in line and not PINNED.search(line):
            yield f"is not pinned: {line.strip()}"
        if "zizmor: ignore" in line and not re.search(r"zizmor: ignore\[[\w-]+\] \w+", line):
            yield f"a finding is ignored without a reason: {line.strip()}"
    unknown = set(re.findall(r"secrets\.(\w+)", text)) - SECRETS
    if unknown:
        yield f"takes the secrets {', '.join(unknown)}"
    if re.search(r"secrets: inherit|toJSON\(secrets\)", text):
        yield "hands on every secret"


def _required(read: dict[str, Any], ruleset: Path) -> Iterator[str]:
    """Compare the checks that main requires with the jobs that report them."""
    rules = {
        rule["type"]: rule.get("parameters", {}) for rule in json.loads(ruleset.read_text(encoding="utf-8"))["rules"]
    }
    if not {"deletion", "non_fast_forward", "pull_request"} <= rules.keys():
        yield "main can be pushed to, or rewritten"
    wanted = [one["context"] for one in rules.get("required_status_checks", {}).get("required_status_checks", [])]
    named = {job.get("name", key) for name in ("ci.yml", "train.yml") for key, job in read[name]["jobs"].items()}
    if sorted(wanted) != ["pass", "train"] or not all(any(one in str(name) for name in named) for one in wanted):
        yield f"main requires {', '.join(wanted)}, and the jobs are {', '.join(map(str, named))}"
    done = read["ci.yml"]["jobs"]["pass"]
    if done.get("if") != "always()" or set(done["needs"]) != read["ci.yml"]["jobs"].keys() - {"pass"}:
        yield "ci.yml: pass does not wait for every job"
    train = read["train.yml"]["jobs"]["train"]
    if train["name"].count("github.event.pull_request.head.repo.fork") != 1 or "'train (on push)'" not in train["name"]:
        yield "train.yml: a job that is skipped stands in for the check"


def _trusted(review: dict[str, Any], texts: dict[str, str]) -> Iterator[str]:
    """See that no code of a pull request runs where there is a right to write, and no secret where its code runs."""
    (job,) = review["jobs"].values()
    checkouts = [step["with"] for step in job["steps"] if "actions/checkout" in step.get("uses", "")]
    if [one.get("ref") for one in checkouts] != ["main"]:
        yield "review.yml: checks out something else than main"
    for name in ("ci.yml", "platform.yml", "train.yml", "review.yml"):
        if "secrets." in texts[name]:
            yield f"{name}: runs for pull requests, and takes a secret"
    for name, text in texts.items():
        for line in text.splitlines():
            if re.search(r"run: .*\$\{\{", line):
                yield f"{name}: an expression reaches a shell: {line.strip()}"
    for step in yaml.safe_load(texts["train.yml"])["jobs"]["train"]["steps"]:
        if (
            step.get("run") in ("make push-store", "make write-back")
            and "github.event_name != 'pull_request'" not in step["if"]
        ):
            yield f"train.yml: {step['run']} runs for a fork"


def _targets(texts: dict[str, str], makefile: str) -> Iterator[str]:
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    for name, text in texts.items():
        for target, step in re.findall(r"run: make ([a-z-]+)(?: STEP=([a-z-]+))?", text):
            missing = {target, *filter(None, [step])} - targets
            if missing:
                yield f"{name}: make knows no {', '.join(missing)}"


def _linters(project: Path) -> Iterator[str]:
    workflows = [str(path) for path in sorted(project.glob(".github/workflows/*.yml"))]
    schemas = [
        ["--builtin-schema", "vendor.github-workflows", *workflows],
        ["--builtin-schema", "vendor.github-actions", ".github/actions/setup/action.yml"],
        ["--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"],
    ]
    commands = [["actionlint", *workflows], ["zizmor", "--offline", "--no-progress", "--quiet", ".github"]]
    commands += [["check-jsonschema", *words] for words in schemas]
    for command in commands:
        done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            yield f"{command[0]}: {(done.stdout + done.stderr)[:2000]}"
