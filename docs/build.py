"""Builds the site: the pages of this folder, with the tables that are made from the template and from a baked project.

A page says `<!-- made by docs/build.py: NAME -->` where a table belongs. What can be read from the files that do the
work is never typed here, so that it cannot be out of date.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from cookiecutter.main import cookiecutter

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent
MARKER = re.compile(r"^<!-- made by docs/build\.py: (\w+) -->$", re.MULTILINE)
RENDERED = {  # pages of the project -> where the site has them, seen from a folder of the site
    "contract.md": "../reference/contract.md",
    "deploy.md": "../reference/image.md",
    "github.md": "../how-to/github.md",
    "own-data.md": "../how-to/own-data.md",
    "params.md": "../reference/params.md",
    "storage.md": "../how-to/storage.md",
}
SETUP = ".github/actions/setup/action.yml"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(heads)]
    lines += [["---"] * len(lines[0]), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def answers(_: Path) -> str:
    """Every question that cookiecutter asks, with what the choices mean."""
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    rows = []
    for name, asked in settings["__prompts__"].items():
        default = settings[name]
        if isinstance(asked, dict):
            words = "<br>".join(f"`{word}`: {asked[word]}" for word in default)
            rows.append([f"`{name}`", f"`{default[0]}`", f"{asked['__prompt__']}<br>{words}"])
        else:
            derived = "made from the answers before" if "{{" in default else default
            rows.append([f"`{name}`", derived or "empty", asked])
    return table(["question", "default", "what it asks"], rows)


def _targets(makefile: Path) -> str:
    found = re.findall(r"^([a-z-]+):.*?## (.+)$", makefile.read_text(encoding="utf-8"), re.MULTILINE)
    return table(["command", "what it does"], ([f"`make {name}`", said] for name, said in found))


def template_commands(_: Path) -> str:
    """The targets of the template's own Makefile."""
    return _targets(TEMPLATE / "Makefile")


def commands(project: Path) -> str:
    """The targets of the project's Makefile."""
    return _targets(project / "Makefile")


def _module(project: Path, name: str) -> ast.Module:
    (package,) = (path for path in (project / "src").iterdir() if path.is_dir())
    return ast.parse((package / name).read_text(encoding="utf-8"))


def _constant(module: ast.Module, name: str) -> Any:
    """Return the value of the constant *name* of a module, whose imports are not installed here."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            return ast.literal_eval(node.value)
    raise LookupError(name)


def verbs(project: Path) -> str:
    """The verbs of the project's own program."""
    known = _constant(_module(project, "cli.py"), "VERBS")
    return table(["verb", "what it does"], ([f"`{name}`", said] for name, (_, said) in known.items()))


def _workflows(project: Path) -> dict[str, tuple[str, Any]]:
    """Return text and content of each workflow by its file's name; every value is the text that stands there."""
    found = {}
    for path in sorted((project / ".github/workflows").iterdir()):
        text = path.read_text(encoding="utf-8")
        found[path.name] = text, yaml.load(text, yaml.BaseLoader)  # noqa: S506  # it makes nothing but text
    return found


def _trigger(event: str, more: Any) -> str:
    more = more or {}
    if event == "schedule":
        return "; ".join(f"schedule `{one['cron']}`" for one in more)
    if event == "workflow_run":
        return f"after {', '.join(more['workflows'])}"
    said = {"workflow_dispatch": "by hand"}.get(event, event.removesuffix("_target").replace("_", " "))
    if types := more.get("types"):
        said += f" {' or '.join(types)}"
    if inputs := more.get("inputs"):
        said += f" ({', '.join(inputs)})"
    if branches := more.get("branches"):
        said += f" to {', '.join(branches)}"
    if others := more.get("branches-ignore"):
        said += f" to any branch but {', '.join(others)}"
    if paths := more.get("paths"):
        said += f" that touches {', '.join(f'`{path}`' for path in paths)}"
    return said


def workflows(project: Path) -> str:
    """What starts each workflow, what its token may do and why, and what it is for."""
    rows = []
    for name, (text, content) in _workflows(project).items():
        purpose = " ".join(
            line[2:] for line in re.split(r"^(?!#)", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
        )
        starts = "<br>".join(_trigger(event, more) for event, more in content["on"].items())
        may: dict[str, tuple[str, str]] = {}  # the most that any of its jobs may, with the first reason given
        for scope, right, why in re.findall(r"^ +([a-z-]+): (read|write)(?: # (.+))?$", text, re.MULTILINE):
            if scope not in may or (right, may[scope][0]) == ("write", "read"):
                may[scope] = right, why
        reasons = "<br>".join(f"`{scope}: {right}`{f' ({why})' if why else ''}" for scope, (right, why) in may.items())
        rows.append([f"`{name}`", starts, reasons, purpose])
    return table(["workflow", "starts on", "its token may", "what it is for"], rows)


def settings(project: Path) -> str:
    """The variables and secrets that the workflows read, with their meaning from the project's docs/github.md."""
    page = (project / "docs/github.md").read_text(encoding="utf-8")
    meanings = dict(re.findall(r"^\| `([A-Z_]+)` \| .+? \| (.+) \|$", page, re.MULTILINE))
    readers: dict[tuple[str, str], list[str]] = {}
    texts = {name: text for name, (text, _) in _workflows(project).items()}
    logged_in = [name for name, text in texts.items() if "toJSON(vars)" in text]
    for name, text in texts.items():
        for found in re.findall(r"\b(vars|secrets)\.([A-Z_]+)", text):
            readers.setdefault(found, []).append(name)
    for found in re.findall(r"fromJSON\(inputs\.(vars)\)\.([A-Z_]+)", (project / SETUP).read_text(encoding="utf-8")):
        readers[found] = logged_in
    rows = []
    for (kind, name), where in sorted(readers.items(), key=lambda one: (one[0][0] == "secrets", one[0][1])):
        used = ", ".join(f"`{one}`" for one in dict.fromkeys(where))
        rows.append([f"`{name}`", {"vars": "variable", "secrets": "secret"}[kind], meanings[name], used])
    return table(["name", "kind", "what it says", "read by"], rows)


def endpoints(project: Path) -> str:
    """What the service answers, from the code that writes its OpenAPI page."""
    module = _module(project, "service/openapi.py")
    summaries: dict[str, Any] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            for one in ast.walk(node):
                if isinstance(one, ast.Dict) and "summary" in (named := _entries(one)):
                    summaries.setdefault(node.name, named["summary"])
    (paths,) = (
        named for node in ast.walk(module) if isinstance(node, ast.Dict) and "/predict" in (named := _entries(node))
    )
    rows = []
    for path, operations in paths.items():
        for method, call in _entries(operations).items():
            summary = summaries[call.func.id]
            summary = summary if isinstance(summary, ast.Constant) else call.args[0]
            rows.append([f"`{method.upper()} {path}`", str(summary.value)])
    return table(["request", "what it answers"], rows)


def _entries(node: ast.Dict) -> dict[str, Any]:
    pairs = zip(node.keys, node.values, strict=True)
    return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}


def refusals(project: Path) -> str:
    """What the service says where it does not answer."""
    known = _constant(_module(project, "service/openapi.py"), "MEANINGS")
    return table(["status", "meaning"], ([f"`{status}`", said] for status, said in known.items()))


def limits(project: Path) -> str:
    """The environment variables that say how much the service takes on."""
    (package,) = (path for path in (project / "src").iterdir() if path.is_dir())
    text = (package / "service/limits.py").read_text(encoding="utf-8")
    found = re.findall(r"^    (\w+): \w+ = (\S+)  # (.+)$", text, re.MULTILINE)
    rows = (
        [f"`SCORING_{name.upper()}`", default.replace("_", ",").strip('"') or "empty", said]
        for name, default, said in found
    )
    return table(["variable", "default", "what it limits"], rows)


def _page(project: Path, name: str) -> str:
    """Return a page of the project without its heading; links to what the site does not have become plain names."""
    text = (project / "docs" / name).read_text(encoding="utf-8").partition("\n")[2].strip()
    return re.sub(r"\[([^\]]+)\]\((?!https?://)([^)#]*)(#[^)]*)?\)", _relinked, text)


def _relinked(link: re.Match[str]) -> str:
    words, target, anchor = link[1], link[2], link[3] or ""
    if not target or target in RENDERED:
        return f"[{words}]({RENDERED.get(target, '')}{anchor})"
    return f"`{words}`"


def contract(project: Path) -> str:
    """The project's own reference of contract.yaml, which its code writes."""
    return _page(project, "contract.md")


def params(project: Path) -> str:
    """The same of params.yaml."""
    return _page(project, "params.md")


def own_data(project: Path) -> str:
    """What the project says of data of one's own."""
    return _page(project, "own-data.md")


def github(project: Path) -> str:
    """What it says of GitHub."""
    return _page(project, "github.md")


def storage(project: Path) -> str:
    """What it says of storage."""
    return _page(project, "storage.md")


def image(project: Path) -> str:
    """What it says of the image."""
    return _page(project, "deploy.md")


MADE: dict[str, Callable[[Path], str]] = {
    made.__name__: made
    for made in (
        answers, commands, contract, endpoints, github, image, limits, own_data, params, refusals, settings, storage,
        template_commands, verbs, workflows,
    )
}  # fmt: skip


def assemble(folder: Path) -> None:
    """Write the whole pages, and what zensical needs beside them, to *folder*."""
    for made in ("docs", "project", "site"):
        shutil.rmtree(folder / made, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    project = Path(cookiecutter(str(TEMPLATE), no_input=True, default_config=True, output_dir=str(folder / "project")))
    for path in sorted(HERE.rglob("*.md")):
        page = folder / "docs" / path.relative_to(HERE)
        page.parent.mkdir(parents=True, exist_ok=True)
        text = MARKER.sub(lambda marker: MADE[marker[1]](project), path.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
    shutil.copytree(HERE / "images", folder / "docs/images")
    shutil.copy(HERE / "site.css", folder / "docs")
    shutil.copy(HERE / "zensical.toml", folder)


def main(folder: Path) -> int:
    """Build the site in *folder*/site; return 1 where a link is dead."""
    assemble(folder)
    return subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
