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
STARTS = {"actions": WRITE, "contents": READ}
PROPOSES = {"actions": WRITE, "attestations": READ, "contents": WRITE, "id-token": WRITE, "packages": READ}
PROPOSES |= {"pull-requests": WRITE}
GRANTED: dict[str, dict[str, dict[str, str]]] = {
    "ci.yml": {"check": {"contents": READ}, "test": {"contents": READ}, "pass": {}},
    "deploy.yml": {"production": PROPOSES},
    "monitor.yml": {
        "monitor": {"contents": READ, "id-token": WRITE},
        "respond": {"actions": WRITE, "contents": READ, "issues": WRITE},
    },
    "monthly.yml": {"start": STARTS},
    "nightly.yml": {"monitor": STARTS, "score": STARTS},
    "pages.yml": {
        "publish": {
            **{"actions": READ, "contents": READ, "id-token": WRITE, "issues": READ, "pages": WRITE},
            "pull-requests": READ,
        },
    },
    "platform.yml": {"test": {"contents": READ}},
    "promote.yml": {"promote": PROPOSES},
    "rebuild.yml": {"rebuild": {"contents": READ, "id-token": WRITE}},
    "release.yml": {
        "release": {"attestations": WRITE, "contents": WRITE, "id-token": WRITE, "packages": WRITE},
    },
    "review.yml": {"comment": {"actions": READ, "contents": READ, "pull-requests": WRITE}},
    "score.yml": {
        "score": {"contents": READ, "id-token": WRITE},
        "respond": {"contents": READ, "issues": WRITE},
    },
    "staging.yml": {"staging": {"attestations": READ, "contents": READ, "id-token": WRITE, "packages": READ}},
    "template.yml": {"update": {"actions": WRITE, "contents": WRITE, "pull-requests": WRITE}},
    "train.yml": {
        "train": {"actions": WRITE, "contents": WRITE, "id-token": WRITE, "issues": WRITE, "pull-requests": WRITE}
    },
    "tune.yml": {"tune": {"actions": WRITE, "contents": WRITE, "id-token": WRITE, "pull-requests": WRITE}},
    "weekly.yml": {"start": STARTS},
}
PLATFORM = ["platform/**", "pyproject.toml", "uv.lock"]
SCHEDULED = {"schedule": ..., "workflow_dispatch": ""}
STARTED: dict[str, dict[str, Any]] = {
    "ci.yml": {"push": {"branches": ["main"]}, "pull_request": "", "merge_group": "", "workflow_dispatch": ""},
    "deploy.yml": {"push": {"branches": ["main"], "paths": ["deploy/**"]}, "workflow_dispatch": ""},
    "monitor.yml": {"workflow_dispatch": ""},
    "monthly.yml": SCHEDULED,
    "nightly.yml": SCHEDULED,
    "pages.yml": {
        "workflow_run": {"workflows": ["release", "deploy", "monitor"], "types": ["completed"], "branches": ["main"]},
        "workflow_dispatch": "",
    },
    "platform.yml": {"push": {"branches": ["main"], "paths": PLATFORM}, "pull_request": {"paths": PLATFORM}},
    "promote.yml": {"workflow_dispatch": ...},
    "rebuild.yml": {"workflow_dispatch": ...},
    "release.yml": {"push": {"branches": ["main"], "paths": ["dvc.lock"]}, "workflow_dispatch": ""},
    "review.yml": {
        "workflow_run": {"workflows": ["train"], "types": ["completed"]},
        "pull_request_target": {"types": ["opened", "reopened"]},
    },
    "score.yml": {"workflow_dispatch": ""},
    "staging.yml": {
        "workflow_run": {"workflows": ["release"], "types": ["completed"], "branches": ["main"]},
        "workflow_dispatch": "",
    },
    "template.yml": {"workflow_dispatch": ""},
    # every push, because main requires its check: one that is not started would be waited for
    "train.yml": {
        "push": {"branches-ignore": ["store", "gh-readonly-queue/**"]},
        "pull_request": "",
        "merge_group": "",
        "workflow_dispatch": ...,
        "repository_dispatch": {"types": ["data"]},
    },
    "tune.yml": {"workflow_dispatch": ...},
    "weekly.yml": SCHEDULED,
}
ENVIRONMENTS = {
    ("deploy.yml", "production"): "production",
    ("pages.yml", "publish"): "github-pages",
    ("release.yml", "release"): "release",
    ("staging.yml", "staging"): "staging",
}
SECRETS = {
    *("ALARM_WEBHOOK", "DATABASE_URL", "KUBECONFIG", "REGISTRY_PASSWORD", "RELEASE_KEY", "SCORING_API_KEY"),
    *("OPTUNA_STORAGE", "SCORING_LOG_KEY", "TEMPLATE_TOKEN"),
}
MAIN_ONLY = ("deploy.yml", "pages.yml", "promote.yml", "release.yml", "staging.yml", "template.yml", "tune.yml")
READS_SOURCE = (
    "make ingest",
    "make monitor",
    "make performance",
    "make score",
)  # they may have the password of the database
CHECKED = {  # texts, which that target compares with a pattern, or writes as one line into a text
    ("promote.yml", "because"): ("make promote", "BECAUSE"),
    ("promote.yml", "version"): ("make promote", "VERSION"),
    ("rebuild.yml", "version"): ("make rebuild", "VERSION"),
    ("tune.yml", "minutes"): ("make tune", "MINUTES"),
    ("tune.yml", "trials"): ("make tune", "TRIALS"),
    ("tune.yml", "because"): ("make propose-tuning", "BECAUSE"),
    ("train.yml", "refresh"): ("make ingest", "REFRESH"),
    ("train.yml", "because"): ("make write-back", "BECAUSE"),
}
NOT_WRITTEN_BACK = """!contains(fromJSON('["pull_request", "merge_group"]'), github.event_name) &&"""
REQUIRED = ("ci.yml", "train.yml")  # main requires their checks
MAX_LINES = 60
RUN: dict[str, list[str]] = {  # the make targets of each workflow, in order
    "ci.yml": ["lint", "secrets", "test"],
    "deploy.yml": ["pull-store", "deploy", "with-store", "deploy-failed"],
    "monitor.yml": ["pull-store", "pipeline", "performance", "monitor", "alarm", "report-alarm"],
    "monthly.yml": ["dispatch"],
    "nightly.yml": ["dispatch", "dispatch"],
    "pages.yml": ["pull-store", "site"],
    "platform.yml": ["test-platform"],
    "publish": ["push-image", "tag", "sign", "unattested"],
    "registry": ["login"],
    "report": ["summary"],
    "promote.yml": ["pull-store", "promote"],
    "rebuild.yml": ["pull-store", "rebuild"],
    "release.yml": ["pull-store", "pipeline", "approved", "review", "with-store", "image"],
    "review.yml": ["comment"],
    "score.yml": ["pull-store", "score", "report-failure"],
    "setup": ["setup"],
    "staging.yml": ["pull-store", "deploy"],
    "template.yml": ["update-template"],
    "train.yml": ["pull-store", "ingest", "pipeline", "review", "write-back"],
    "tune.yml": ["pull-store", "train-part", "tune", "propose-tuning"],
    "weekly.yml": ["dispatch"],
}
ASKING = {  # GitHub, or the branch `store`
    *(
        "approved",
        "comment",
        "deploy",
        "deploy-failed",
        "dispatch",
        "promote",
        "propose-tuning",
        "pull-store",
        "push-store",
        "tag",
    ),
    *("propose-tuning", "report-alarm", "report-failure", "site", "update-template", "with-store", "write-back"),
}
TOKENS = ("${{ github.token }}", "${{ inputs.token }}", "${{ secrets.TEMPLATE_TOKEN || github.token }}")
HALFWAY = ("deploy.yml", "promote.yml", "release.yml", "staging.yml", "template.yml")  # never ended half-way


def problems(project: Path) -> list[str]:
    """Return what is wrong with the workflows of *project*, a line each."""
    folder = project / ".github"
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("workflows/*.yml"))}
    read = {name: yaml.load(text, Loader=yaml.BaseLoader) for name, text in texts.items()}  # noqa: S506  # "on" stays a word
    actions = {
        path.parent.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("actions/*/action.yml"))
    }
    found = [f"workflows are {', '.join(read)}"] if read.keys() != GRANTED.keys() else []
    for name, workflow in read.items():
        found += [f"{name}: {text}" for text in _workflow(name, workflow)]
    for name, text in actions.items():
        found += [f"{name}: {text}" for text in _steps(name, yaml.load(text, Loader=yaml.BaseLoader)["runs"]["steps"])]  # noqa: S506
    for name, text in {**texts, **actions}.items():
        found += [f"{name}: {text}" for text in _text(text)]
    found += [f"{name}: too many lines" for name, text in texts.items() if text.count("\n") >= MAX_LINES]
    found += _required(read, folder / "rulesets/main.json")
    found += _rulesets(folder / "rulesets")
    found += _trusted(read["review.yml"], {**texts, **actions})
    found += _targets(
        {**texts, **actions},
        "".join((project / name).read_text(encoding="utf-8") for name in ("Makefile", "platform/ci.mk")),
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
    yield from _triggers(name, workflow["on"])
    yield from _inputs(name, workflow)
    yield from _does(name, [step for job in workflow["jobs"].values() for step in job["steps"]])
    for key, job in workflow["jobs"].items():
        if job["runs-on"] != "ubuntu-24.04" and not job["runs-on"].startswith("${{ fromJSON(vars."):
            yield f"{key}: runs on {job['runs-on']}"
        if job.get("permissions", {}) != GRANTED.get(name, {}).get(key):
            yield f"{key}: permissions are {job.get('permissions')}"
        if job.get("environment") != ENVIRONMENTS.get((name, key)):
            yield f"{key}: environment is {job.get('environment')}"
        if "secrets." in str(job.get("env", "")) + str(workflow.get("env", "")):
            yield f"{key}: every step has a secret"
        if not str(job.get("timeout-minutes", "")).isdecimal():
            yield f"{key}: has no timeout"
        if name in MAIN_ONLY and not re.match(r"github\.ref == 'refs/heads/main'( && \(.*\))?$", job.get("if", "")):
            yield f"{key}: runs on another branch than main"
        for step in job["steps"]:
            yield from _step(key, step)


def _steps(name: str, steps: list[dict[str, Any]]) -> Iterator[str]:
    """Look at the steps of a composite action."""
    yield from _does(name, steps)
    for step in steps:
        yield from _step(name, step)


def _does(name: str, steps: list[dict[str, Any]]) -> Iterator[str]:
    does = [words[1] for step in steps if (words := step.get("run", "").split())[:1] == ["make"]]
    if does != RUN.get(name):
        yield f"makes {', '.join(does)}"


def _triggers(name: str, on: dict[str, Any]) -> Iterator[str]:
    """GitHub disables a file with a schedule after 60 quiet days, and with it all else that the file does."""
    if "schedule" in on and (name in REQUIRED or on.keys() != {"schedule", "workflow_dispatch"}):
        yield "has a schedule, and something else that GitHub would disable with it"
    if name in REQUIRED and "merge_group" not in on:
        yield "does not report to a merge queue"


def _inputs(name: str, workflow: dict[str, Any]) -> Iterator[str]:
    """What somebody types or chooses reaches steps as a variable alone; a text is compared with a pattern there."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for key, facts in ((workflow["on"].get("workflow_dispatch") or {}).get("inputs") or {}).items():
        used = str(workflow["jobs"]).count(f"inputs.{key}")
        passed = [
            (step.get("run"), variable, value)
            for step in steps
            for variable, value in (step.get("env") or {}).items()
            if f"inputs.{key}" in value
        ]
        if used != len(passed):
            yield f"the input {key} is used otherwise than as a variable of a step"
        checked = [(*CHECKED.get((name, key), ()), f"${{{{ inputs.{key} }}}}")]
        if facts.get("type") not in ("boolean", "choice") and passed != checked:
            yield f"the input {key} is not checked before it is used"


def _rulesets(folder: Path) -> Iterator[str]:
    """Versions never move, and the key of the release alone creates them."""
    rules = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    for name, types, actors in (
        ("versions", {"deletion", "update", "non_fast_forward"}, []),
        ("releases", {"creation"}, ["DeployKey"]),
    ):
        rule = rules.get(name, {"rules": [], "bypass_actors": [], "conditions": {}})
        here = {entry["type"] for entry in rule["rules"]}, [actor["actor_type"] for actor in rule["bypass_actors"]]
        covered = rule["conditions"].get("ref_name", {}).get("include") == ["refs/tags/model/*"]
        if here != (types, actors) or not covered or (rule["target"], rule["enforcement"]) != ("tag", "active"):
            yield f"rulesets/{name}.json: lets somebody else than the release create or move a version"


def _step(job: str, step: dict[str, Any]) -> Iterator[str]:
    if "run" in step and not LINES.fullmatch(step["run"]):
        yield f"{job}: {step['run']!r} is no line that works on a laptop"
    if step.get("uses", "").startswith("actions/checkout@") and step["with"].get("persist-credentials") != "false":
        yield f"{job}: leaves its token in the work tree"
    if "secrets.DATABASE_URL" in str(step) and step.get("run") not in READS_SOURCE:
        yield f"{job}: {step.get('run')} has the password of the database"
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
        if set(re.findall(r"secrets\.(\w+)", texts[name])) - ({"DATABASE_URL"} if name == "train.yml" else set()):
            yield f"{name}: runs for pull requests, and takes a secret"
    for name, text in texts.items():
        for line in text.splitlines():
            if re.search(r"run: .*\$\{\{", line):
                yield f"{name}: an expression reaches a shell: {line.strip()}"
    for step in yaml.safe_load(texts["train.yml"])["jobs"]["train"]["steps"]:
        if step.get("run") == "make write-back" and NOT_WRITTEN_BACK not in step["if"]:
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
        ["--builtin-schema", "vendor.github-actions", *map(str, sorted(project.glob(".github/actions/*/action.yml")))],
        ["--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"],
    ]
    commands = [["actionlint", *workflows], ["zizmor", "--offline", "--no-progress", "--quiet", ".github"]]
    commands += [["check-jsonschema", *words] for words in schemas]
    for command in commands:
        done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            yield f"{command[0]}: {(done.stdout + done.stderr)[:2000]}"
