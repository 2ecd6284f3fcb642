"""The parts of the pages that are generated: from the template's files, and from those of a generated project.

What can be read from the files that do the work is never typed on a page, so that it cannot be out of date.
"""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import workflow_parts
from tables import table

TEMPLATE = Path(__file__).resolve().parent.parent
PLATFORM = Path("platform/src/mlgitops")
COPIED = {  # pages of the project -> the page of the site that has a copy, seen from a folder of the site
    "contract.md": "../reference/contract.md",
    "deploy.md": "../reference/image.md",
    "features.md": "../how-to/features-and-model.md",
    "github.md": "../how-to/github.md",
    "own-data.md": "../how-to/own-data.md",
    "params.md": "../reference/params.md",
    "storage.md": "../how-to/storage.md",
}
ACTIONS = ".github/actions"
SIZES = [  # module, constant, unit, meaning
    ("onboard/target.py", "MIN_ROWS", "rows", "fewest rows with a target that `make adopt` accepts"),
    ("onboard/target.py", "MIN_CLASS_ROWS", "rows", "fewest rows of each class"),
    ("onboard/target.py", "MAX_CLASSES", "classes", "most classes of a target"),
    (
        "onboard/profile.py",
        "MAX_CATEGORIES",
        "values",
        "most values of a category that `make adopt` lists as `categories`",
    ),
    ("onboard/sampling.py", "MAX_ROWS", "rows", "rows on which `make adopt` compares algorithms and settings"),
    ("contract/column.py", "MAX_MAGNITUDE.number", "", "largest number, in single precision"),
    ("contract/column.py", "MAX_MAGNITUDE.integer", "", "largest integer, exact in JSON"),
    ("contract/strings.py", "MAX_CHARS", "characters", "longest value of an open category, and of a text"),
    (
        "data/unpack.py",
        "MAX_RATIO",
        "times",
        "largest size of an unpacked archive, beyond 1 GB, as a multiple of its own",
    ),
    ("data/tables.py", "MAX_DEPTH", "levels", "archives within archives"),
    ("store/branch.py", "MAX_FILE_BYTES", "bytes", "largest file in the branch `store`"),
    ("serving/http_protocol.py", "MAX_HEADER_BYTES", "bytes", "all headers of a request"),
    ("serving/request.py", "MAX_ROW_BYTES", "bytes", "one row of a request, if the contract's values need it"),
    ("serving/refusal.py", "MAX_DETAILS", "errors", "errors listed in one response"),
    ("serving/rows.py", "CHUNK_ROWS", "rows", "rows that `make score` holds at once"),
]


def answers(_: Path) -> str:
    """Every question that cookiecutter asks, with the meaning of its choices."""
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    rows = []
    for name, asked in settings["__prompts__"].items():
        default = settings[name]
        if isinstance(asked, dict):
            words = "<br>".join(f"`{word}`: {asked[word]}" for word in default)
            rows.append([f"`{name}`", f"`{default[0]}`", f"{asked['__prompt__']}<br>{words}"])
        else:
            derived = "derived from the answers before" if "{{" in default else default
            rows.append([f"`{name}`", derived or "empty", asked])
    return table(["question", "default", "meaning"], rows)


def _targets(text: str) -> str:
    """Return a table of a Makefile's targets, below a heading per group where it has groups."""
    groups = re.split(r"^##@ (.+)$", text, flags=re.MULTILINE)
    tables = []
    for heading, targets in zip(["", *groups[1::2]], groups[::2], strict=True):
        rows = re.findall(r"^([a-z-]+):.*?## (.+)$", targets, re.MULTILINE)
        lines = table(["command", "what it does"], ([f"`make {name}`", purpose] for name, purpose in rows))
        tables.append(f"### {heading}\n\n{lines}" if heading else lines)
    return "\n\n".join(tables)


def template_commands(_: Path) -> str:
    """The targets of the template's own Makefile."""
    return _targets((TEMPLATE / "Makefile").read_text(encoding="utf-8"))


def commands(project: Path) -> str:
    """The targets of the project's Makefile, in its groups."""
    return _targets((project / "Makefile").read_text(encoding="utf-8"))


def workflow_commands(project: Path) -> str:
    """The targets that only workflows call."""
    return _targets((project / "platform/ci.mk").read_text(encoding="utf-8"))


def _module(project: Path, name: str) -> ast.Module:
    return ast.parse((project / PLATFORM / name).read_text(encoding="utf-8"))


def _value(module: ast.Module, name: str) -> ast.expr:
    """Return the expression of the constant *name* of a module, whose imports are not installed here."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            return node.value
    raise LookupError(name)


def verbs(project: Path) -> str:
    """The verbs of the project's command-line program."""
    purposes = ast.literal_eval(_value(_module(project, "cli.py"), "VERBS"))
    return table(["verb", "what it does"], ([f"`{name}`", purpose] for name, (_, purpose) in purposes.items()))


def settings(project: Path) -> str:
    """The variables and secrets that the workflows read, with their meaning from the project's docs/github.md."""
    page = (project / "docs/github.md").read_text(encoding="utf-8")
    meanings = dict(re.findall(r"^\| `([A-Z_]+)` \| .+? \| (.+) \|$", page, re.MULTILINE))
    readers: dict[tuple[str, str], list[str]] = {}
    texts = {name: text for name, (text, _) in workflow_parts.read(project).items()}
    for name, text in texts.items():
        for setting in re.findall(r"\b(vars|secrets)\.([A-Z_]+)", text):
            readers.setdefault(setting, []).append(name)
    for path in sorted((project / ACTIONS).glob("*/action.yml")):
        use = f"./{ACTIONS}/{path.parent.name}\n"
        users = [name for name, text in texts.items() if use in text and "toJSON(vars)" in text]
        for setting in re.findall(r"fromJSON\(inputs\.(vars)\)\.([A-Z_]+)", path.read_text(encoding="utf-8")):
            readers.setdefault(setting, []).extend(users)
    rows = []
    for (kind, name), files in sorted(readers.items(), key=lambda item: (item[0][0] == "secrets", item[0][1])):
        used = ", ".join(f"`{file}`" for file in dict.fromkeys(files))
        rows.append([f"`{name}`", {"vars": "variable", "secrets": "secret"}[kind], meanings[name], used])
    return table(["name", "kind", "meaning", "read by"], rows)


def endpoints(project: Path) -> str:
    """What the service answers, from the code that writes its OpenAPI document."""
    read = _value(_module(project, "serving/openapi.py"), "READ")
    entries = zip(read.keys, read.values, strict=True) if isinstance(read, ast.Dict) else ()
    rows = [("POST /predict", "Score one row or many"), ("POST /explain", "Score one row or many, with reasons")]
    for name, entry in entries:
        if name and isinstance(entry, ast.Tuple):  # a summary and a content type
            rows.append((f"GET /{ast.literal_eval(name)}", ast.literal_eval(entry.elts[0])))
    return table(["request", "what it answers"], ([f"`{request}`", summary] for request, summary in rows))


def refusals(project: Path) -> str:
    """The status codes of refused requests."""
    meanings = ast.literal_eval(_value(_module(project, "serving/openapi.py"), "MEANINGS"))
    return table(["status", "meaning"], ([f"`{status}`", meaning] for status, meaning in meanings.items()))


def log_settings(project: Path) -> str:
    """Return the environment variables of the prediction log."""
    text = (project / PLATFORM / "serving/log_settings.py").read_text(encoding="utf-8")
    names = {"folder": "SCORING_LOG"}
    rows = [
        [f"`{names.get(name, 'SCORING_LOG_' + name.upper())}`", _default(default), meaning]
        for name, default, meaning in re.findall(r"(?m)^    (\w+): [\w\[\], .]+ = (.+?)  # (.+)$", text)
    ]
    return table(["variable", "default", "meaning"], rows)


def _default(value: str) -> str:
    return {'""': "empty", "()": "empty", "1.0": "1"}.get(value, value.replace("_", ","))


def limits(project: Path) -> str:
    """The environment variables that limit what the service accepts."""
    text = (project / PLATFORM / "serving/limits.py").read_text(encoding="utf-8")
    rows = (
        [f"`SCORING_{name.upper()}`", default.replace("_", ",").strip('"').lower() or "empty", meaning]
        for name, default, meaning in re.findall(r"^    (\w+): \w+ = (\S+)  # (.+)$", text, re.MULTILINE)
    )
    return table(["variable", "default", "what it limits"], rows)


def sizes(project: Path) -> str:
    """The limits that are constants of the code."""
    rows = []
    for module, name, unit, meaning in SIZES:
        number = _constant(_module(project, module), name)
        rows.append(
            [
                meaning,
                f"{number:,} {unit}".strip() if number < 1e16 else f"{number:.4g}",
                f"`mlgitops.{module[:-3].replace('/', '.')}`",
            ]
        )
    return table(["limit", "value", "module"], rows)


def _constant(module: ast.Module, name: str) -> float:
    """Return a number of a module: a sum of its literals, one of several in an assignment, or an entry of a table."""
    name, _, key = name.partition(".")
    for node in module.body:
        names = ast.unparse(node.targets[0]).strip("()").split(", ") if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and name in names:
            value = eval(ast.unparse(node.value), {"__builtins__": {}})  # noqa: S307  # arithmetic of our own code
            number = value[key] if key else value[names.index(name)] if len(names) > 1 else value
            return float(number) if number % 1 else int(number)
    raise LookupError(name)


def _page(project: Path, name: str) -> str:
    """Return a page of the project without its heading; links to files that the site does not have become names."""
    text = (project / "docs" / name).read_text(encoding="utf-8").partition("\n")[2].strip()
    return re.sub(r"\[([^\]]+)\]\((?!https?://)([^)#]*)(#[^)]*)?\)", _relinked, text)


def _relinked(link: re.Match[str]) -> str:
    words, target, anchor = link[1], link[2], link[3] or ""
    if not target or target in COPIED:
        return f"[{words}]({COPIED.get(target, '')}{anchor})"
    return f"`{words}`"


GENERATED: dict[str, Callable[[Path], str]] = {
    part.__name__: part
    for part in (
        answers, commands, endpoints, limits, log_settings, refusals, settings, sizes, template_commands, verbs,
        workflow_commands, workflow_parts.workflow_rights, workflow_parts.workflow_tree, workflow_parts.workflows,
    )
} | {
    "contract": lambda project: _page(project, "contract.md"),
    "features": lambda project: _page(project, "features.md"),
    "github": lambda project: _page(project, "github.md"),
    "image": lambda project: _page(project, "deploy.md"),
    "own_data": lambda project: _page(project, "own-data.md"),
    "params": lambda project: _page(project, "params.md"),
    "storage": lambda project: _page(project, "storage.md"),
}  # fmt: skip
