"""A GitHub for the tests: the part of its API that the workflows ask, at a socket, over a bare repository."""

import io
import json
import re
import socketserver
import subprocess
import threading
import zipfile
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nacl.public import PrivateKey, SealedBox

BOT = "github-actions[bot]"
WORKFLOWS = ".github/workflows/"


class GitHub:
    """What GitHub knows of one repository, in memory; git itself is in the bare repository *origin*."""

    def __init__(self, origin: Path, name: str, artifacts: Path, socket: Path) -> None:
        """Answer at *socket* until `close`."""
        self.origin, self.name, self.artifacts = origin, name, artifacts
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, dict[str, Any]] = {}
        self.issues: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.dispatched: list[tuple[str, str, dict[str, str]]] = []
        self.rulesets: dict[int, dict[str, Any]] = {}
        self.policies: dict[str, list[str]] = {}
        self.settings: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.environment_secrets: dict[str, dict[str, str]] = {}
        self.keys: list[dict[str, Any]] = []
        self.people = ["octocat"]  # who can write
        self.private = False
        self.key = PrivateKey.generate()
        self.calls: list[tuple[str, str, Any]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return "local"

            def log_message(self, *_: Any) -> None:
                pass

            def answer(self) -> None:
                text = self.content().decode()
                asked, body = urlsplit(self.path), json.loads(text) if text else None
                if not self.headers.get("Authorization"):
                    code, found = 401, {"message": "Requires authentication"}
                else:
                    query = {key: values[0] for key, values in parse_qs(asked.query).items()}
                    code, found = hub.answer(self.command, asked.path, query, body)
                raw = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found).encode()
                self.send_response(code)
                kind = "application/zip" if isinstance(found, bytes) else "application/json; charset=utf-8"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                if raw:
                    self.wfile.write(raw)

            def content(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = b""
                while size := int(self.rfile.readline(), 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815  # as the base class calls them

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self._server = Server(str(socket), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def head(self, branch: str) -> str | None:
        """Return the commit at the head of a branch, or None."""
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"],
            cwd=self.origin,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.stdout.strip() or None

    def open_pull(self, branch: str, title: str = "A change", body: str = "", owner: str | None = None) -> int:
        """Open a pull request and return its number; one of a fork has another *owner*, and a head of its own."""
        number = len(self.pulls) + 1
        own = self.name.partition("/")[0]
        self.pulls[number] = {
            "number": number, "state": "open", "title": title, "body": body, "merge_commit_sha": None,
            "html_url": f"https://github.com/{self.name}/pull/{number}",
            "head": {
                "ref": branch, "label": f"{owner or own}:{branch}", "sha": self.head(branch),
                "repo": {"fork": bool(owner), "full_name": f"{owner or own}/{self.name.partition('/')[2]}"},
            },
            "base": {"ref": "main"},
        }  # fmt: skip
        return number

    def _fresh(self, pull: dict[str, Any]) -> dict[str, Any]:
        if pull["head"]["label"].startswith(self.name.partition("/")[0] + ":") and pull["state"] == "open":
            pull["head"]["sha"] = self.head(pull["head"]["ref"])
        return pull

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Return status and answer to a request."""
        self.calls.append((method, path, body))
        if path == "/graphql":
            return 200, {"data": self.graphql(body["query"], body["variables"])}
        rest = path.removeprefix(f"/repos/{self.name}")
        if rest == path:
            return 404, {"message": "Not Found"}
        for wanted, pattern, function in ROUTES:
            if method == wanted and (found := re.fullmatch(pattern, rest)):
                answer: tuple[int, Any] = function(self, *found.groups(), query=query, body=body)
                return answer
        return 404, {"message": f"the tests know no {method} {rest}"}

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Answer what `gh repo create` and `gh pr create` ask."""
        owner, _, name = self.name.partition("/")
        here = {
            "id": "R_1", "databaseId": 1, "name": name, "owner": {"login": owner}, "parent": None,
            "url": f"https://github.com/{self.name}", "sshUrl": f"git@github.com:{self.name}.git",
            "viewerPermission": "ADMIN", "defaultBranchRef": {"name": "main"}, "pullRequests": {"nodes": []},
        }  # fmt: skip
        if "createRepository(" in query:
            self.settings["created"] = variables["input"]
            return {"createRepository": {"repository": here}}
        if "createPullRequest(" in query:
            said = variables["input"]
            number = self.open_pull(said["headRefName"], said["title"], said["body"])
            return {"createPullRequest": {"pullRequest": {"id": "PR_1", "url": self.pulls[number]["html_url"]}}}
        return {"repository": here}

    def list_pulls(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /pulls."""
        pulls = [self._fresh(pull) for pull in self.pulls.values() if pull["state"] == query.get("state", "open")]
        return 200, [pull for pull in pulls if pull["head"]["label"] == query.get("head", pull["head"]["label"])]

    def make_pull(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /pulls."""
        number = self.open_pull(body["head"], body["title"], body["body"])
        return (201, self.pulls[number]) if self.head(body["head"]) else (422, {"message": "head: invalid"})

    def change_pull(self, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PATCH /pulls/N."""
        self.pulls[int(number)] |= body
        return 200, self.pulls[int(number)]

    def pulls_of(self, commit: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /commits/SHA/pulls."""
        pulls = [self._fresh(pull) for pull in self.pulls.values()]
        return 200, [pull for pull in pulls if commit in (pull["head"]["sha"], pull["merge_commit_sha"])]

    def list_comments(self, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /issues/N/comments."""
        page = int(query.get("page", 1))
        found = [comment for comment in self.comments.values() if comment["issue"] == int(number)]
        size = int(query.get("per_page", 30))
        return 200, found[(page - 1) * size : page * size]

    def make_comment(self, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /issues/N/comments."""
        if len(body["body"]) > 65_536:
            return 422, {"message": "body is too long"}
        new = {"id": len(self.comments) + 1, "issue": int(number), "body": body["body"], "user": {"login": BOT}}
        self.comments[new["id"]] = new
        return 201, new

    def change_comment(self, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PATCH /issues/comments/N."""
        self.comments[int(number)] |= body
        return 200, self.comments[int(number)]

    def list_issues(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /issues."""
        label, page, size = query.get("labels"), int(query.get("page", 1)), int(query.get("per_page", 30))
        found = [one for one in self.issues if one["state"] == query["state"] and (not label or label in one["labels"])]
        return 200, found[::-1][(page - 1) * size : page * size]

    def make_issue(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /issues."""
        number = 1000 + len(self.issues)
        of_github = {"number": number, "state": "open", "user": {"login": BOT}, "html_url": f"/issues/{number}"}
        self.issues.append({"labels": [], **body, **of_github})
        return 201, self.issues[-1]

    def change_issue(self, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PATCH /issues/N."""
        issue = next(one for one in self.issues if one["number"] == int(number))
        issue |= body
        return 200, issue

    def dispatch(self, workflow: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /actions/workflows/FILE/dispatches; gh says the workflow's id in the place of its file."""
        if workflow.isdigit():
            workflow = self._workflows()[int(workflow) - 1]
        if not self.head(body["ref"]):
            return 422, {"message": f"No ref found for: {body['ref']}"}
        if "workflow_dispatch" not in self._git("show", f"{body['ref']}:{WORKFLOWS}{workflow}"):
            return 422, {"message": "Workflow does not have 'workflow_dispatch' trigger"}
        self.dispatched.append((workflow, body["ref"], body.get("inputs", {})))
        return 204, None

    def list_artifacts(self, run: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /actions/runs/ID/artifacts."""
        folder = self.artifacts / run
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        sizes = [sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file()) for name in names]
        entries = [
            {"id": int(run) * 100 + n, "name": name, "size_in_bytes": size}
            for n, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
        return 200, {"artifacts": entries}

    def get_artifact(self, key: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /actions/artifacts/ID/zip."""
        run, place = divmod(int(key), 100)
        folder = sorted((self.artifacts / str(run)).iterdir())[place]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return 200, packed.getvalue()

    def list_runs(self, workflow: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /actions/workflows/FILE/runs."""
        found = [run for run in self.runs if run["file"] == workflow]
        found = [run for run in found if run["head_sha"] == query.get("head_sha", run["head_sha"])]
        return 200, {"workflow_runs": found[::-1]}

    def list_rulesets(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /rulesets."""
        return 200, [{"id": key, "name": rule["name"]} for key, rule in self.rulesets.items()]

    def make_ruleset(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /rulesets."""
        if body["name"] in [rule["name"] for rule in self.rulesets.values()]:
            return 422, {"message": "Name must be unique"}
        self.rulesets[len(self.rulesets) + 1] = body
        return 201, body

    def change_ruleset(self, key: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PUT /rulesets/ID."""
        self.rulesets[int(key)] = body
        return 200, body

    def list_policies(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /environments/NAME/deployment-branch-policies."""
        return 200, {"branch_policies": [{"name": branch} for branch in self.policies[name]]}

    def make_policy(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /environments/NAME/deployment-branch-policies."""
        self.policies[name].append(body["name"])
        return 200, body

    def put_environment(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PUT /environments/NAME."""
        self.policies.setdefault(name, [])
        self.settings[f"environment {name}"] = body
        return 200, body

    def put_permissions(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PUT /actions/permissions/workflow."""
        self.settings["workflow permissions"] = body
        return 204, None

    def get_repository(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET the repository."""
        owner = {"login": self.name.partition("/")[0]}
        url = f"https://github.com/{self.name}"
        return 200, {"full_name": self.name, "html_url": url, "private": self.private, "owner": owner}

    def list_people(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /collaborators."""
        people = self.people if query.get("page", "1") == "1" else []
        return 200, [{"login": login, "permissions": {"push": True}} for login in people]

    def list_teams(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /teams; a person's repository has none."""
        return 200, []

    def list_keys(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /keys."""
        return 200, self.keys

    def make_key(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /keys."""
        self.keys.append(body)
        return 201, body

    def put_environment_secret(
        self,
        environment: str,
        name: str,
        query: dict[str, str],  # noqa: ARG002
        body: Any,
    ) -> tuple[int, Any]:
        """PUT /environments/NAME/secrets/NAME."""
        secret = SealedBox(self.key).decrypt(b64decode(body["encrypted_value"])).decode()
        self.environment_secrets.setdefault(environment, {})[name] = secret
        return 201, {}

    def change_repository(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PATCH the repository."""
        self.settings["repository"] = body
        return 200, body

    def make_variable(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """POST /actions/variables."""
        if body["name"] in self.variables:
            return 409, {"message": "Already exists - Variable already exists"}
        self.variables[body["name"]] = body["value"]
        return 201, {}

    def change_variable(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PATCH /actions/variables/NAME."""
        self.variables[name] = body["value"]
        return 204, None

    def public_key(self, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /actions/secrets/public-key."""
        return 200, {"key_id": "1", "key": b64encode(bytes(self.key.public_key)).decode()}

    def put_secret(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """PUT /actions/secrets/NAME; only who has the key can read what arrives."""
        self.secrets[name] = SealedBox(self.key).decrypt(b64decode(body["encrypted_value"])).decode()
        return 201, {}

    def get_workflow(self, workflow: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ARG002
        """GET /actions/workflows/FILE, of main."""
        known = self._workflows()
        if workflow not in known:
            return 404, {"message": "Not Found"}
        return 200, {"id": 1 + known.index(workflow), "name": workflow, "path": WORKFLOWS + workflow, "state": "active"}

    def _workflows(self) -> list[str]:
        return [path.removeprefix(WORKFLOWS) for path in self._git("ls-tree", "--name-only", "main", WORKFLOWS).split()]

    def _git(self, *words: str) -> str:
        command = ["git", *words]
        return subprocess.run(command, cwd=self.origin, capture_output=True, encoding="utf-8", check=True).stdout


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/pulls", GitHub.list_pulls),
    ("POST", "/pulls", GitHub.make_pull),
    ("PATCH", r"/pulls/(\d+)", GitHub.change_pull),
    ("GET", "/commits/([0-9a-f]{40})/pulls", GitHub.pulls_of),
    ("GET", "/issues", GitHub.list_issues),
    ("POST", "/issues", GitHub.make_issue),
    ("PATCH", r"/issues/(\d+)", GitHub.change_issue),
    ("GET", r"/issues/(\d+)/comments", GitHub.list_comments),
    ("POST", r"/issues/(\d+)/comments", GitHub.make_comment),
    ("PATCH", r"/issues/comments/(\d+)", GitHub.change_comment),
    ("POST", r"/actions/workflows/([\w.]+)/dispatches", GitHub.dispatch),
    ("GET", r"/actions/runs/(\d+)/artifacts", GitHub.list_artifacts),
    ("GET", r"/actions/artifacts/(\d+)/zip", GitHub.get_artifact),
    ("GET", r"/actions/workflows/([\w.]+)/runs", GitHub.list_runs),
    ("GET", "/rulesets", GitHub.list_rulesets),
    ("POST", "/rulesets", GitHub.make_ruleset),
    ("PUT", r"/rulesets/(\d+)", GitHub.change_ruleset),
    ("PUT", r"/environments/(\w+)", GitHub.put_environment),
    ("GET", r"/environments/(\w+)/deployment-branch-policies", GitHub.list_policies),
    ("POST", r"/environments/(\w+)/deployment-branch-policies", GitHub.make_policy),
    ("PUT", "/actions/permissions/workflow", GitHub.put_permissions),
    ("GET", "", GitHub.get_repository),
    ("PATCH", "", GitHub.change_repository),
    ("GET", "/collaborators", GitHub.list_people),
    ("GET", "/teams", GitHub.list_teams),
    ("GET", "/keys", GitHub.list_keys),
    ("POST", "/keys", GitHub.make_key),
    ("GET", r"/environments/\w+/secrets/public-key", GitHub.public_key),
    ("PUT", r"/environments/(\w+)/secrets/(\w+)", GitHub.put_environment_secret),
    ("POST", "/actions/variables", GitHub.make_variable),
    ("PATCH", r"/actions/variables/(\w+)", GitHub.change_variable),
    ("GET", "/actions/secrets/public-key", GitHub.public_key),
    ("PUT", r"/actions/secrets/(\w+)", GitHub.put_secret),
    ("GET", r"/actions/workflows/([\w.]+)", GitHub.get_workflow),
]
