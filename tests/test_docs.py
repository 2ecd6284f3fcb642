"""The site can be built, its generated parts are up to date, and what its pages name is there."""

import ast
import json
import re
import runpy
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.pages import blocks
from helpers.support import TEMPLATE, bake, files, run
from helpers.workflow_rules import GRANTED

DOCS = TEMPLATE / "docs"
PAGES = sorted(path.relative_to(TEMPLATE).as_posix() for path in [*DOCS.rglob("*.md"), *TEMPLATE.glob("*.md")])
HOSTS = {  # what pages may link to; everything else is a slip
    "127.0.0.1:3000",
    "127.0.0.1:5000",
    "127.0.0.1:7070",
    "app.example.com",
    "cli.github.com",
    "cruft.github.io",
    "docs.astral.sh",
    "docs.sigstore.dev",
    "github.com",
    "keepachangelog.com",
    "opentofu.org",
    "py.iceberg.apache.org",
    "semver.org",
}
OLD_NAMES = [  # commands, modules and settings
    r"\bmake (check|pull|share|push|shared|retrained|update|github|fresh|diff)(?![\w-])",
    r"\b(flights|estimator|rows|settings)\.py\b",
    r"\btrain\.search\b|\bgates\.regression\b|\bmin_slice\b|\bmonitor\.psi\b|`values`|`seed`|`empty`",
]
DONE = ["tutorial.md", *sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "how-to").glob("*.md"))]
IN_AN_IMAGE = "/home/runner/run.sh"  # where GitHub's own image has its program


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the pages and the site that was built of them."""
    folder = tmp_path_factory.mktemp("docs")
    run(sys.executable, str(DOCS / "build.py"), "--site", str(folder), cwd=TEMPLATE)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project as the pages describe it."""
    return bake(tmp_path_factory.mktemp("project"))


def read(page: str) -> str:
    """Return what a page says."""
    return (TEMPLATE / page).read_text(encoding="utf-8")


def targets(folder: Path) -> set[str]:
    """Return the targets of a folder's Makefile, and those that a project's workflows call."""
    texts = [
        path.read_text(encoding="utf-8") for path in (folder / "Makefile", folder / "platform/ci.mk") if path.is_file()
    ]
    return {target for text in texts for target in re.findall(r"(?m)^([a-z][a-z-]*):.*## ", text)}


def navigation(entries: list[dict[str, object]]) -> list[str]:
    """Return the pages of a menu, in its order."""
    found: list[str] = []
    for entry in entries:
        for target in entry.values():
            found += navigation(target) if isinstance(target, list) else [str(target)]
    return found


@pytest.fixture(scope="module")
def taken() -> set[tuple[str, str]]:
    """Return page and text of each block that a test takes of `blocks(page)`: all, some, or those that get a name."""
    found: set[tuple[str, str]] = set()
    for path in (TEMPLATE / "tests").glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "blocks"):
                continue
            words = [str(word.value) for word in call.args if isinstance(word, ast.Constant)]
            if len(words) < len(call.args):  # a section after the other; or below, of any page
                found.update((page, text) for page in words for _, text in blocks(page))
                continue
            read = blocks(*words)
            match above[call]:
                case ast.Assign(targets=[ast.Tuple(elts=names)]):
                    named = zip(read, map(ast.unparse, names), strict=False)  # the rest may be *_
                    read = [block for block, name in named if name not in ("_", "*_")]
                case ast.Subscript(slice=ast.Slice(lower=None, upper=ast.Constant(value=int(end)))):
                    read = read[:end]
            found.update((words[0], text) for _, text in read)
    return found


def test_generated_parts_of_pages_are_up_to_date() -> None:
    run(sys.executable, str(DOCS / "build.py"), "--check", cwd=TEMPLATE)


def test_site_has_every_page(site: Path) -> None:
    listed = navigation(tomllib.loads((DOCS / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    assert sorted(listed) == sorted(
        ["changelog.md", *(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))]
    )
    for page in listed:
        assert (site / "site" / page.removesuffix("index.md").removesuffix(".md") / "index.html").is_file()
        text = (site / "docs" / page).read_text(encoding="utf-8")
        assert len(re.sub(r"(?s)<!--.*?-->", "", text).split()) > 50, page
        for image in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
            assert (site / "site" / page).parent.joinpath(image).is_file()


def test_published_site_has_the_newest_release_of_each_minor_version_and_main(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(DOCS, tmp_path / "docs", ignore=ignored)
    changes = read("CHANGELOG.md") + "\nSee [the tutorial](docs/tutorial.md).\n"
    (tmp_path / "CHANGELOG.md").write_text(changes, encoding="utf-8")
    run("git", "init", "--quiet", "-b", "main", cwd=tmp_path)
    for tag in ("v0.1.0", "v0.2.0", "v0.2.1", "not-a-release", ""):
        with (tmp_path / "docs/index.md").open("a", encoding="utf-8") as page:
            page.write(f"\nWritten after {tag or 'all'}.\n")
        run("git", "add", "--all", cwd=tmp_path)
        run("git", "commit", "--quiet", "-m", "Change", cwd=tmp_path)
        if tag:
            run("git", "tag", tag, cwd=tmp_path)
    repository = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "owner/name"}
    run(sys.executable, "docs/publish.py", "site", cwd=tmp_path, **repository)
    site = tmp_path / "site"
    versions = json.loads((site / "versions.json").read_text(encoding="utf-8"))
    assert [(entry["version"], entry["aliases"]) for entry in versions] == [("0.2.1", ["latest"]), ("main", [])]
    assert {path.name for path in site.iterdir()} == {"0.2.1", "main", "index.html", "versions.json"}
    assert "url=0.2.1/" in (site / "index.html").read_text(encoding="utf-8")
    pages = {version: (site / version / "index.html").read_text(encoding="utf-8") for version in ("0.2.1", "main")}
    assert {version: "Written after all" in page for version, page in pages.items()} == {"0.2.1": False, "main": True}
    assert 'href="https://github.com/owner/name/edit/main/docs/index.md"' in pages["main"]
    assert 'href="https://github.com/owner/name" title="Go to repository"' in pages["main"]
    changes = (site / "main/changelog/index.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/owner/name/edit/main/CHANGELOG.md"' in changes
    assert 'href="../tutorial/"' in changes
    search = json.loads((site / "main/search.json").read_text(encoding="utf-8"))
    assert any("Roll back" in entry["title"] for entry in search["items"])


@pytest.mark.parametrize("link", ["[gone](gone.md)", "[gone](tutorial.md#gone)"])
def test_dead_link_fails_the_build(link: str, site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(site, copy, ignore=shutil.ignore_patterns("site", ".cache"))
    with (copy / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{link}\n")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=copy, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode != 0
    assert "does not exist" in re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)


def test_reference_holds_what_the_files_say(project: Path) -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "reference").iterdir()}
    named = set(re.findall(r"^\| `make (\S+)` \|", pages["commands"], re.MULTILINE))
    assert named == targets(project) | targets(TEMPLATE)
    workflows = {path.name for path in (project / ".github/workflows").iterdir()}
    assert set(re.findall(r"^\| `(\w+\.yml)` \|", pages["workflows"], re.MULTILINE)) == workflows
    contract = (project / "docs/contract.md").read_text(encoding="utf-8")
    rows = [line for line in contract.splitlines() if line.startswith("|")]
    assert rows
    assert set(rows) <= set(pages["contract"].splitlines())
    assert {"| `POST /predict` | Score one row or many |", "| `GET /schema` | The JSON schema of a row |"} <= set(
        pages["service"].splitlines()
    )


def test_tree_of_workflows_names_each_with_the_rights_that_it_has() -> None:
    _, tree = blocks("reference/workflows.md")[0]
    named = re.findall(r"(?m)^[ │├└─]*── (\w+)(?: \(.+?\))? +(\S.*)$", tree)
    assert len(named) == tree.count("── ")
    writes = {
        name.removesuffix(".yml"): {
            scope for rights in jobs.values() for scope, may in rights.items() if may == "write" and scope != "id-token"
        }
        for name, jobs in GRANTED.items()
    }
    assert {name for name, _ in named} == writes.keys()
    assert not [name for name, rights in named if {*rights.split(", ")} != (writes[name] or {"nothing"})]
    assert "\na schedule\n├── monthly " in tree
    assert "\n│   └── template " in tree  # which it starts


def test_tutorial_generates_a_project_from_the_release_that_the_changelog_describes() -> None:
    (newest, *_) = re.findall(r"(?m)^## \[(\d+\.\d+\.\d+)\]", read("CHANGELOG.md"))
    (named,) = re.findall(r"--checkout (v[\d.]+)$", read("docs/tutorial.md"), re.MULTILINE)
    assert named == f"v{newest}"


def test_benchmarks_are_one_page_that_renders_and_names_each_script() -> None:
    text = read("benchmarks/README.md")
    lines = text.splitlines()
    assert len([line for line in lines if line.startswith("```")]) % 2 == 0
    opened = re.findall(r"(?m)^<!-- ([a-z ]+) -->$", text)
    assert len(opened) >= 5
    for name in set(opened) - {"until here"}:  # of adoption.py
        assert opened.count(name) == 1
        assert f"\n<!-- /{name} -->\n" in text
    scripts = {path.name for path in (TEMPLATE / "benchmarks").glob("*.py")}
    assert {name for name in re.findall(r"(\w+\.py)[` ]", text) if name not in ("features.py", "model.py")} >= scripts
    assert not [line for line in lines if line.startswith("|") and not line.endswith("|")]


def test_comparison_names_commit_and_date_of_each_repository() -> None:
    text = read("docs/explanation/comparison.md")
    rows = re.findall(r"(?m)^\| ([\w.-]+/[\w.-]+) \| ([0-9a-f]{7}) \| (\d{4}-\d\d-\d\d) \|$", text)
    assert {name for name, _, _ in rows} == {*re.findall(r"https://github\.com/([\w.-]+/[\w.-]+)\)", text)}
    (read_on,) = re.findall(r"we read them on (\d{4}-\d\d-\d\d)", text)
    assert all(date <= read_on for _, _, date in rows)


def test_glossary_explains_each_term_once_in_order() -> None:
    terms = re.findall(r"(?m)^\| (\S.*?) \| \S.* \|$", read("docs/reference/glossary.md"))[1:]
    assert terms[1:] == sorted(dict.fromkeys(terms[1:]), key=str.lower)
    assert {
        "champion",
        "challenger",
        "contract",
        "gate",
        "golden rows",
        "overlay",
        "parity",
        "PSI",
        "slice",
        "store",
    } <= {*terms}


@pytest.mark.parametrize("old", OLD_NAMES)
def test_no_page_uses_a_name_of_version_1(old: str, project: Path) -> None:
    pages = {page: read(page) for page in PAGES if page != "CHANGELOG.md"}
    own = [project / "README.md", *(project / "docs").glob("*.md"), *project.glob("*/README.md")]
    pages |= {path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in own}
    assert not [page for page, text in pages.items() if re.search(old, text)]


@pytest.mark.parametrize("page", PAGES)
def test_page_names_only_commands_that_exist(page: str, project: Path) -> None:
    text = read(page)
    lines = re.findall(r"(?:`|^|=\S+ )make ((?:[a-z][a-z-]* ?)+)", text, re.MULTILINE)
    assert {target for line in lines for target in line.split()} <= targets(project) | targets(TEMPLATE)
    program = (project / "platform/src/mlgitops/cli.py").read_text(encoding="utf-8")
    verbs = set(re.findall(r'^    "([\w-]+)": \("', program, re.MULTILINE))
    assert len(verbs) > 10
    assert set(re.findall(r"uv run (?:flight_delays|<package>) ([a-z][\w-]*)", text)) <= verbs


@pytest.mark.parametrize("page", [page for page in PAGES if not page.endswith("comparison.md")])  # of other projects
def test_page_names_only_files_of_the_project_and_settings_that_workflows_read(page: str, project: Path) -> None:
    text, known = read(page), files(project)
    named = re.findall(r"`((?:src|deploy|\.github|notebooks)/[\w./-]+)`", text)
    assert not [path for path in named if not any(f"/{one}".find(f"/{path}") == 0 for one in known)]
    workflows = "\n".join(
        path.read_text(encoding="utf-8") for path in (project / ".github").rglob("*.yml") if path.name != "zizmor.yml"
    )
    read_there = set(re.findall(r"\b(?:vars\)?|secrets)\.([A-Z_]+)", workflows))
    assert set(re.findall(r"gh (?:variable|secret) set ([A-Z_]+)", text)) <= read_there
    assert set(re.findall(r"gh workflow run (\S+\.yml)", text)) <= {Path(path).name for path in known}


@pytest.fixture(scope="module")
def settings(project: Path) -> tuple[set[str], set[str]]:
    """Return the keys of params.yaml, and the variables of the service."""
    sections = re.split(r"(?m)^## ([\w.]+)$", (project / "docs/params.md").read_text(encoding="utf-8"))
    keys = {
        f"{section}.{key}"
        for section, table in zip(sections[1::2], sections[2::2], strict=True)
        for key in re.findall(r"(?m)^\| `(\w+)` \|", table)
    }
    paths = [*project.rglob("*.py"), *(project / "deploy").rglob("*.yaml"), DOCS / "reference/service.md"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return keys | {"review.gates"}, {*re.findall(r"SCORING_[A-Z_]+", code)}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_page_names_only_settings_that_exist(page: str, settings: tuple[set[str], set[str]]) -> None:
    keys, variables = settings
    assert len(keys) > 40
    text = read(page)
    sections = "|".join({key.partition(".")[0] for key in keys})
    named = re.findall(rf"`((?:{sections})\.[a-z_.]+)[`:]", text)
    assert {name for name in named if not re.search(r"\.(json|html|ya?ml)$", name)} <= keys
    assert {*re.findall(r"\b(SCORING_[A-Z_]+)\b", text)} <= variables


def test_security_page_names_the_identity_that_is_verified(project: Path) -> None:
    code = (project / "platform/src/mlgitops/github/signatures.py").read_text(encoding="utf-8")
    assert "release.yml@refs/heads/{api.DEFAULT}" in code
    assert 'DEFAULT = "main"' in (project / "platform/src/mlgitops/github/api.py").read_text(encoding="utf-8")
    assert "`release.yml@refs/heads/main`" in read("docs/explanation/security.md")


@pytest.mark.parametrize("page", DONE)
def test_commands_of_page_are_done_by_a_test(page: str, taken: set[tuple[str, str]]) -> None:
    if "```" in read(f"docs/{page}"):
        assert not [text for language, text in blocks(page) if language == "sh" and (page, text) not in taken]


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_somewhere_in_the_repository(page: str) -> None:
    here = (TEMPLATE / page).parent
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", read(page))
    assert not [link for link in links if not (here / link).is_file()]


@pytest.mark.parametrize("page", PAGES)
def test_page_names_no_place_of_one_machine_and_no_host_by_mistake(page: str) -> None:
    text = read(page).replace(IN_AN_IMAGE, "")
    assert set(re.findall(r"https?://([^/\s)`\"]+)", text)) <= HOSTS
    assert not re.search(r"(?<![\w:/.~])/(?:home|opt|root|srv|tmp|Users|usr|var|work)/", text)
    assert str(TEMPLATE) not in text


def test_every_picture_is_made_by_the_script_and_shown_by_a_page() -> None:
    taken = runpy.run_path(str(DOCS / "screenshots.py"))
    pictures = {path.name for path in (DOCS / "images").iterdir()}
    assert pictures == {f"{name}.png" for name in taken["PAGES"]}
    assert pictures == {name for page in PAGES for name in re.findall(r"!\[.+?\]\(images/(.+?)\)", read(page))}
    for name in pictures:
        assert struct.unpack(">II", (DOCS / "images" / name).read_bytes()[16:24]) == tuple(taken["SIZE"].values())
