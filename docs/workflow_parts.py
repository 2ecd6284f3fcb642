"""The generated parts of docs/reference/workflows.md: read from the workflow files of a generated project."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from tables import table

WRITES = r"^ +([a-z-]+): write"  # a right of a job
EVENTS = {  # of GitHub -> in words
    "pull_request": "a pull request",
    "pull_request_target": "a pull request",
    "merge_group": "a merge queue, if main has one",
    "push": "a merge to main",
    "schedule": "a schedule",
    "repository_dispatch": "the event data, by whoever loads new rows",
}


def read(project: Path) -> dict[str, tuple[str, Any]]:
    """Return text and content of each workflow by its file's name; every value is a string."""
    contents = {}
    for path in sorted((project / ".github/workflows").iterdir()):
        text = path.read_text(encoding="utf-8")
        contents[path.name] = text, yaml.load(text, yaml.BaseLoader)  # noqa: S506  # it makes nothing but text
    return contents


def _trigger(event: str, options: Any) -> str:
    options = options or {}
    if event == "schedule":
        return "; ".join(f"schedule `{entry['cron']}`" for entry in options)
    if event == "workflow_run":
        return f"after {', '.join(options['workflows'])}"
    words = {"workflow_dispatch": "by hand"}.get(event, event.removesuffix("_target").replace("_", " "))
    if types := options.get("types"):
        words += f" {' or '.join(types)}"
    if inputs := options.get("inputs"):
        words += f" ({', '.join(inputs)})"
    if branches := options.get("branches"):
        words += f" to {', '.join(branches)}"
    if others := options.get("branches-ignore"):
        words += f" to any branch but {', '.join(others)}"
    if paths := options.get("paths"):
        words += f" that changes {', '.join(f'`{path}`' for path in paths)}"
    return words


def workflows(project: Path) -> str:
    """What starts each workflow, and what it is for."""
    rows = []
    for name, (text, content) in read(project).items():
        purpose = " ".join(
            line[2:] for line in re.split(r"^(?!#)", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
        )
        starts = "<br>".join(_trigger(event, options) for event, options in content["on"].items())
        rows.append([f"`{name}`", starts, purpose])
    return table(["workflow", "starts on", "purpose"], rows)


def workflow_rights(project: Path) -> str:
    """Which workflows have each right, with the reason that the file gives."""
    holders: dict[str, dict[str, str]] = {}
    for name, (text, _) in read(project).items():
        for right, reason in re.findall(r"^ +([a-z-]+: (?:read|write))(?: # (.+))?$", text, re.MULTILINE):
            workflow = name.removesuffix(".yml")
            reasons = holders.setdefault(right, {})
            reasons[workflow] = reasons.get(workflow) or reason
    rows = [
        [f"`{right}`", "<br>".join(f"{name}: {reason}" if reason else name for name, reason in reasons.items())]
        for right, reasons in sorted(holders.items(), key=lambda item: item[0].split(": ")[::-1], reverse=True)
    ]
    return table(["right", "workflows, and why they need it"], rows)


def _starts(name: str, text: str, content: Any, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what starts a workflow, and with which condition: events, and pairs of a workflow and its follower."""
    for event, options in content["on"].items():
        options = options if isinstance(options, dict) else {}
        first, *others = options.get("paths", [""])
        paths = f" (if {first}{', ...' if others else ''} changed)" if first else ""
        if event == "push":
            yield EVENTS[event], name + paths
            if not options.get("branches"):
                yield "a push to a branch", name
        elif event == "workflow_run":
            yield from ((other, name) for other in options["workflows"])
        elif event in EVENTS:
            fork = " (from a fork)" if event == "pull_request" and "head.repo.fork" in text else ""
            yield EVENTS[event], name + fork + paths
    starter = re.findall(r"WORKFLOW: (\w+)\.yml|actions: write # starts (\w+)$", text, re.MULTILINE)
    yield from ((name, other) for pair in starter for other in pair if other in known)


def workflow_tree(project: Path) -> str:
    """Every workflow below what starts it, with what its token may write."""
    found = {name.removesuffix(".yml"): entry for name, entry in read(project).items()}
    below: dict[str, list[str]] = {event: [] for event in ("a push to a branch", *EVENTS.values())}
    for name, (text, content) in found.items():
        for start, follower in _starts(name, text, content, found):
            below.setdefault(start, []).append(follower)
    reached = {follower.partition(" ")[0] for followers in below.values() for follower in followers}
    below["by hand alone"] = [name for name in found if name not in reached]
    rights = {name: {*re.findall(WRITES, text, re.MULTILINE)} - {"id-token"} for name, (text, _) in found.items()}
    lines: list[str] = []
    for event in (event for event in below if event not in found):
        lines += ["", event, *_branches(below, rights, event, "")]
    width = max(len(line.partition("\t")[0]) for line in lines) + 2
    return "\n".join(
        ["```text", *(f"{a:{width}}{b}".rstrip() for a, _, b in (line.partition("\t") for line in lines[1:])), "```"]
    )


def _branches(below: dict[str, list[str]], rights: dict[str, set[str]], above: str, indent: str) -> Iterator[str]:
    followers = sorted(below.get(above, []))
    for number, follower in enumerate(followers, 1):
        last, name = number == len(followers), follower.partition(" ")[0]
        yield f"{indent}{'└── ' if last else '├── '}{follower}\t{', '.join(sorted(rights[name])) or 'nothing'}"
        yield from _branches(below, rights, name, indent + ("    " if last else "│   "))
