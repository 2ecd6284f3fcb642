"""Runs a repository's workflows as GitHub would when something is pushed, by act, on this machine, without a network.

act runs jobs, steps, conditions and expressions. What it leaves out is done here: which workflows an event starts
(branches, paths, whose token pushed), workflow_run, dispatches, and the commit that a run belongs to.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from . import doubles
from .fake_github import GitHub
from .support import copied, run, sources

REPOSITORY = "acme/flight-delays"
USES = re.compile(r"(?m)^\s*-?\s*uses:\s*([^\s#]+)")
RUNNER = "ubuntu-24.04"
LONGEST = 900  # seconds of a run
BIN = Path(sys.executable).parent
# As at GitHub, a step has no terminal. What one that fails prints last, act does not read: it gets a moment for that.
STEP = """case "$*" in
*/act/workflow/*) ;;
*) exec /bin/bash "$@" ;;
esac
exec /bin/bash -o pipefail -c '/bin/bash "$@" </dev/null 2>&1 | cat || { code=$?; sleep 0.2; exit $code; }' - "$@"
"""


RECORD = """jq -nc --args '{{name: "{name}", with: $ARGS.positional}}' -- "$@" >> "${{FAKE_CALLS:-/dev/null}}\""""


@dataclass
class Run:
    """A workflow that ran: what its jobs and steps came to, and what they said."""

    workflow: str
    event: str
    ref: str
    commit: str
    events: list[dict[str, Any]]
    text: str
    seconds: float
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def jobs(self) -> dict[str, str]:
        """Return the result of each job that ran, by its id."""
        return {e["jobID"]: e["jobResult"] for e in self.events if "jobResult" in e}

    @property
    def ok(self) -> bool:
        """Say whether every job that ran succeeded."""
        return set(self.jobs.values()) <= {"success"} and bool(self.jobs)

    @property
    def log(self) -> str:
        """Return what the steps printed."""
        return "".join(e["msg"] for e in self.events if e.get("raw_output"))

    @property
    def failures(self) -> str:
        """Return what each job that failed said last; where none came to an end, what act said."""
        failed = [e["job"] for e in self.events if e.get("jobResult") == "failure"]
        told = [
            (e.get("job"), e["msg"].rstrip("\n"))
            for e in self.events
            if e.get("raw_output") or e.get("level") == "error" or e.get("stepResult") == "failure"
        ]
        ends = [f"{job}\n" + "\n".join(text for where, text in told if where == job)[-6000:] for job in failed]
        return "\n".join(ends) or self.text[-2000:]

    @property
    def steps(self) -> dict[str, float]:
        """Return the seconds that each step took."""
        return {e["step"]: e["executionTime"] / 1e9 for e in self.events if "executionTime" in e and "step" in e}

    def used(self, action: str) -> list[Any]:
        """Return the inputs of each use of an action or of a program."""
        return [call["with"] for call in self.calls if call["name"] == action]


class Actions:
    """A repository at a GitHub of its own: pushes and merges run its workflows, until nothing is left to run."""

    def __init__(self, folder: Path, project: Path, environment: dict[str, str]) -> None:
        """Put the repository *project* there; *environment* is what runners have set."""
        self.folder, self.work = folder, project
        self.origin = folder / "origins" / f"{REPOSITORY}.git"
        self.variables: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.runs: list[Run] = []
        self.begun = 0
        self.machines: dict[str, dict[str, str]] = {}  # what the runner of a workflow has set besides
        self.left_out: set[str] = set()  # workflows that a test is not about
        self.origin.parent.mkdir(parents=True)
        run("git", "init", "--quiet", "--bare", "-b", "main", str(self.origin), cwd=folder)
        run("git", "config", "uploadpack.allowAnySHA1InWant", "true", cwd=self.origin)
        for name in ("artifacts", "home", "xdg", "gh", "bin", "actions"):
            (folder / name).mkdir()
        doubles.write(folder / "actions")
        self.program("cosign", RECORD.format(name="cosign"))
        # there is no Sigstore here: what a workflow verifies is recorded, and holds
        record = RECORD.format(name="attestation")
        self.program("gh", f'[ "$1" != attestation ] || {{ {record}; exit; }}\nexec {BIN}/gh "$@"')
        socket = folder / "gh.sock"
        self.hub = GitHub(self.origin, REPOSITORY, folder / "artifacts", socket)
        (folder / "gh/config.yml").write_text(f"http_unix_socket: {socket}\ngit_protocol: ssh\n", encoding="utf-8")
        self.program("ssh", f'for asked; do :; done; cd "{folder}/origins" && eval "exec $asked"')  # GitHub's
        self.program("bash", STEP)
        self.environment = {
            "PATH": os.pathsep.join([str(folder / "bin"), str(BIN), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]),
            "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "xdg"), "LANG": "C.UTF-8",
            "ACT_DISABLE_VERSION_CHECK": "1", "PAGER": "cat", "GIT_PAGER": "cat", "TERM": "dumb", "NO_COLOR": "1",
            "GIT_TERMINAL_PROMPT": "0", "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{folder}/origins/.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/",
            "GH_CONFIG_DIR": str(folder / "gh"), "FAKE_ARTIFACTS": str(folder / "artifacts"),
            "UV_CACHE_DIR": run("uv", "cache", "dir", cwd=folder).strip(), "UV_PYTHON": sys.executable,
            "UV_PROJECT_ENVIRONMENT": str(folder / "venv"), "UV_OFFLINE": "1", "CI": "true", **environment,
        }  # fmt: skip
        self.laptop = {
            "PATH": self.environment["PATH"], "GH_CONFIG_DIR": str(folder / "gh"), "GH_TOKEN": "fake-token-of-a-person",
            "CI": "", "UV_NO_SYNC": "1",
            **sources(self.work), **environment,
        }  # fmt: skip

    def close(self) -> None:
        """Stop the API."""
        self.hub.close()

    def program(self, name: str, shell: str) -> None:
        """Let runners find a program that does what *shell* says."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{shell}\n", encoding="utf-8")
        path.chmod(0o755)

    # what people do

    def shell(self, text: str) -> tuple[str, list[Run]]:
        """Run commands in the work tree, as somebody who is logged in; return what they print, and what then ran."""
        before, asked, first = self.heads(), len(self.hub.pulls), len(self.runs)
        said = run("bash", "-euc", text, cwd=self.work, **self.laptop)
        for branch, head in self.heads().items():
            if head != before.get(branch):
                self.pushed(branch, before.get(branch))
        for number in range(asked + 1, len(self.hub.pulls) + 1):
            self.pull_request(number, "opened")
        self.settle()
        return said, self.runs[first:]

    def heads(self) -> dict[str, str]:
        """Return the commit at the head of each branch."""
        listed = run("git", "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", cwd=self.origin)
        return dict(line.split() for line in listed.splitlines())

    def commit(self, message: str) -> str:
        """Commit everything in the work tree and return the commit."""
        run("git", "add", "--all", cwd=self.work)
        run("git", "commit", "--quiet", "--no-verify", "-m", message, cwd=self.work)
        return run("git", "rev-parse", "HEAD", cwd=self.work).strip()

    def push(self, branch: str, *flags: str) -> list[Run]:
        """Push HEAD to *branch* and return what ran, in order, until nothing was left to run."""
        before = self.hub.head(branch)
        run("git", "push", "--quiet", "--no-verify", *flags, "origin", f"HEAD:refs/heads/{branch}", cwd=self.work)
        first = len(self.runs)
        self.pushed(branch, before)
        self.settle()
        return self.runs[first:]

    def open(self, branch: str) -> int:
        """Open a pull request of a branch; return its number."""
        number = self.hub.open_pull(branch)
        self.pull_request(number, "opened")
        self.settle()
        return number

    def fork(self, branch: str, owner: str = "mallory") -> int:
        """Open a pull request of HEAD, which is in another repository; return its number."""
        number = self.hub.open_pull(branch, owner=owner)
        run("git", "push", "--quiet", "--no-verify", "origin", f"HEAD:refs/pull/{number}/head", cwd=self.work)
        self.hub.pulls[number]["head"]["sha"] = run("git", "rev-parse", "HEAD", cwd=self.work).strip()
        self.pull_request(number, "opened")
        self.settle()
        return number

    def merge(self, number: int) -> list[Run]:
        """Merge a pull request by a commit on main, as its button does; return what ran."""
        pull, before = self.hub.pulls[number], self.hub.head("main")
        scratch = self.folder / "merge"
        run("git", "clone", "--quiet", str(self.origin), str(scratch), cwd=self.folder)
        run(
            "git", "merge", "--quiet", "--no-ff", "-m", f"Merge #{number}", f"origin/{pull['head']['ref']}", cwd=scratch
        )
        run("git", "push", "--quiet", "origin", "HEAD:main", cwd=scratch)
        shutil.rmtree(scratch)
        pull |= {"state": "closed", "merge_commit_sha": self.hub.head("main")}
        first = len(self.runs)
        self.pushed("main", before)
        self.settle()
        run("git", "fetch", "--quiet", "origin", cwd=self.work)
        return self.runs[first:]

    def dispatch(self, workflow: str, ref: str = "main", **inputs: str) -> list[Run]:
        """Start a workflow by hand; return what ran."""
        first = len(self.runs)
        self.hub.dispatched.append((workflow, ref, inputs))
        self.settle()
        return self.runs[first:]

    # what GitHub does

    def settle(self) -> None:
        """Run what was dispatched, until nothing is left."""
        while self.hub.dispatched:
            workflow, ref, inputs = self.hub.dispatched.pop(0)
            if workflow in self.left_out:
                continue
            payload = {"ref": f"refs/heads/{ref}", "inputs": inputs}
            self.start(workflow, "workflow_dispatch", payload, str(self.hub.head(ref)))

    def pushed(self, branch: str, before: str | None) -> None:
        """Run what a push by a person starts; what a workflow's own token pushes starts nothing."""
        after = str(self.hub.head(branch))
        payload = {"ref": f"refs/heads/{branch}", "before": before or "0" * 40, "after": after}
        changed = run("git", "diff", "--name-only", before, after, cwd=self.origin).split() if before else None
        for name, on in self.triggers(after).items():
            if name not in self.left_out and "push" in on and _wanted(on["push"] or {}, branch, changed):
                self.start(name, "push", payload, after)
        own = [p for p in self.hub.pulls.values() if p["state"] == "open" and p["head"]["ref"] == branch and before]
        for pull in own:
            self.pull_request(pull["number"], "synchronize")

    def pull_request(self, number: int, action: str) -> None:
        """Run what a pull request starts, on the commit that merging it would make, or on main."""
        pull = self.hub.pulls[number]
        merged, main = self._merged(number, pull["head"]["sha"]), str(self.hub.head("main"))
        changed = run("git", "diff", "--name-only", main, merged, cwd=self.origin).split()
        payload = {"action": action, "number": number, "pull_request": pull}
        for name, on in self.triggers(merged).items():
            if (
                name not in self.left_out
                and "pull_request" in on
                and _wanted(on["pull_request"] or {}, "main", changed)
            ):
                self.start(name, "pull_request", payload, merged)
        for name, on in self.triggers(main).items():
            if action in on.get("pull_request_target", {}).get("types", []):
                self.start(name, "pull_request_target", payload, main)

    def _merged(self, number: int, head: str) -> str:
        scratch = self.folder / "merge"
        run("git", "clone", "--quiet", str(self.origin), str(scratch), cwd=self.folder)
        run("git", "fetch", "--quiet", "origin", head, cwd=scratch)
        run("git", "merge", "--quiet", "--no-ff", "-m", "merge", "FETCH_HEAD", cwd=scratch)
        run("git", "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge", cwd=scratch)
        commit = run("git", "rev-parse", "HEAD", cwd=scratch).strip()
        shutil.rmtree(scratch)
        return commit

    def triggers(self, commit: str) -> dict[str, Any]:
        """Return what starts each workflow of *commit*, by file name."""
        listed = run("git", "ls-tree", "--name-only", commit, ".github/workflows/", cwd=self.origin).split()
        found = {}
        for path in listed:
            workflow = yaml.load(run("git", "show", f"{commit}:{path}", cwd=self.origin), Loader=yaml.BaseLoader)  # noqa: S506
            found[Path(path).name] = workflow["on"]
        return found

    def start(self, workflow: str, event: str, payload: dict[str, Any], commit: str, dies_at: str = "") -> Run:
        """Run *workflow* as it is in *commit*, for *event*, and after it what follows its end.

        Its runner dies at the text *dies_at* of its log, if there is one.
        """
        self.begun += 1
        number = self.begun
        tree = self.folder / f"tree-{number}"
        run("git", "clone", "--quiet", "--no-checkout", str(self.origin), str(tree), cwd=self.folder)
        run("git", "fetch", "--quiet", "origin", commit, cwd=tree)
        run("git", "checkout", "--quiet", "--detach", commit, cwd=tree)
        run("git", "remote", "set-url", "origin", f"https://github.com/{REPOSITORY}", cwd=tree)
        owner, _, name = REPOSITORY.partition("/")
        payload = {
            "repository": {"full_name": REPOSITORY, "name": name, "owner": {"login": owner}, "default_branch": "main"},
            **payload,
        }
        (self.folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        kept = self._environment_secrets(tree / ".github/workflows" / workflow)
        calls = self.folder / f"calls-{number}.jsonl"
        calls.touch()
        command = [
            str(BIN / "act"), event, "--json", "--workflows", f".github/workflows/{workflow}",
            "--eventpath", str(self.folder / "event.json"), "--no-skip-checkout", "--actor", "octocat",
            "--env", f"GITHUB_REPOSITORY={REPOSITORY}", "--env", f"GITHUB_RUN_ID={number}",
            "--platform", f"{RUNNER}=-self-hosted", "--no-cache-server", "--action-offline-mode",
            "--secret", "GITHUB_TOKEN=fake-github-token", *self._actions(tree),
        ]  # fmt: skip
        command += [word for pair in self.variables.items() for word in ("--var", "=".join(pair))]
        fork = event == "pull_request" and payload["pull_request"]["head"]["repo"]["fork"]
        secrets = {} if fork else self.secrets | kept
        command += [word for pair in secrets.items() for word in ("--secret", "=".join(pair))]
        begun = time.monotonic()
        environment = {**self.environment, **self.machines.get(workflow, {}), "FAKE_CALLS": str(calls)}
        log = self.folder / f"log-{number}"
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=tree, env=environment, stdout=output, stderr=output, start_new_session=True
            )
            while process.poll() is None and time.monotonic() - begun < LONGEST:
                if dies_at and dies_at in log.read_text(encoding="utf-8"):
                    break
                time.sleep(0.05)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said = log.read_text(encoding="utf-8")
        seconds = time.monotonic() - begun
        shutil.rmtree(tree)
        events = [json.loads(line) for line in said.splitlines() if line.startswith("{") and line.endswith("}")]
        unknown = [e["msg"] for e in events if "Skipping unsupported platform" in e.get("msg", "")]
        assert not unknown, unknown
        ended = Run(workflow, event, payload.get("ref", ""), commit, events, said, seconds)
        ended.calls = [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
        self.runs.append(ended)
        slow = ", ".join(f"{name} {took:.0f} s" for name, took in ended.steps.items() if took >= 1)
        print(f"{workflow} ({event}, {payload.get('ref', '')}): {ended.jobs} in {seconds:.0f} s ({slow})")  # with -s
        if not ended.ok and ended.jobs:
            print(ended.failures)
        if ended.jobs:
            self._follow(ended, number, payload)
        return ended

    def _environment_secrets(self, workflow: Path) -> dict[str, str]:
        """Return the secrets of the environments that a workflow's jobs run in, which act knows nothing of."""
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
        secrets = [self.hub.environment_secrets.get(job.get("environment"), {}) for job in jobs]
        return {name: value for each in secrets for name, value in each.items()}

    def _follow(self, ended: Run, number: int, payload: dict[str, Any]) -> None:
        """Note the end of a run, and run what waits for it, as main has it."""
        pull, main = payload.get("pull_request"), str(self.hub.head("main"))
        about = {
            "id": number, "file": ended.workflow, "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}",
            "conclusion": "success" if ended.ok else "failure", "event": ended.event, "status": "completed",
            "head_sha": pull["head"]["sha"] if pull else ended.commit,
            "head_branch": pull["head"]["ref"] if pull else payload["ref"].removeprefix("refs/heads/"),
            "head_repository": {"full_name": pull["head"]["repo"]["full_name"] if pull else REPOSITORY},
        }  # fmt: skip
        self.hub.runs.append(about)
        name = ended.workflow.removesuffix(".yml")
        for file, on in self.triggers(main).items():
            if file not in self.left_out and name in on.get("workflow_run", {}).get("workflows", []):
                self.start(file, "workflow_run", {"workflow_run": about, "ref": "refs/heads/main"}, main)

    def _actions(self, tree: Path) -> list[str]:
        files = [*tree.glob(".github/workflows/*.yml"), *tree.glob(".github/actions/*/action.yml")]
        used = {name for file in files for name in USES.findall(file.read_text(encoding="utf-8"))}
        words = []
        for name in sorted(name for name in used if not name.startswith("./")):
            words += ["--local-repository", f"{name}={self.folder / 'actions' / name.partition('@')[0]}"]
        return words


def published(project: Path, folder: Path) -> Actions:
    """Return a repository with a copy of *project*, whose main and store are pushed; nothing has run."""
    actions = Actions(folder, copied(project, folder), {})
    run("git", "remote", "add", "origin", str(actions.origin), cwd=actions.work)
    run("make", "push-store", cwd=actions.work, **actions.laptop)
    run("git", "push", "--quiet", "--no-verify", "origin", "main", cwd=actions.work)
    return actions


def _wanted(on: dict[str, Any], branch: str, changed: list[str] | None) -> bool:
    """Say whether a push of *branch* that changed these files is one that *on* names."""
    if "branches" in on and not any(fnmatch(branch, one) for one in on["branches"]):
        return False
    if any(fnmatch(branch, one) for one in on.get("branches-ignore", [])):
        return False
    if "paths" in on and changed is not None:
        return any(fnmatch(path, one.replace("**", "*")) for path in changed for one in on["paths"])
    return True
