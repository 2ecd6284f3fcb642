"""Every bake is born clean, and every answer counts."""

import ast
import itertools
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cookiecutter.main import cookiecutter
from helpers.support import CHOICES, GENERATED, LITTER, QUESTIONS, SETTINGS, TEMPLATE, bake, files, run, texts

NASTY = """O'Neil "Bobby" \\Tables\\, <b>Zoë</b> & 航班 👩‍💻 #1: 100% {a} ${b} `c` [d](e)"""
BAKES: list[dict[str, str]] = [
    *(dict(zip(CHOICES, words, strict=True)) for words in itertools.product(*CHOICES.values())),
    {"project_name": "X", "project_slug": "x", "package_name": "x", "description": "x", "author": "x"},
    {"project_slug": "n" * 50, "package_name": "n" * 30, "storage": "gs", "bucket": "n" * 63},
    {"project_name": NASTY, "description": NASTY, "author": NASTY, "project_slug": "nasty"},
    {"project_name": "Prévision d'énergie", "author": "\\", "description": '"'},
]
ADOPTED = {"data", "target"}  # these change a project by adoption, which takes a while: tests/test_adopt.py bakes it
FLIPS = {  # question -> another answer than that of the base bake
    "project_name": "Late Trains",
    "project_slug": "late-trains",
    "package_name": "late_trains",
    "description": "Will this train arrive late?",
    "author": "Ada",
    "storage": "azure",
    "bucket": "another-bucket",
}


@pytest.fixture(scope="module", params=BAKES, ids=lambda answers: "-".join(answers.values())[:40])
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the answers of one bake."""
    return dict(request.param)


@pytest.fixture(scope="module")
def project(answers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project that the answers bake."""
    return bake(tmp_path_factory.mktemp("bake"), **answers)


def test_bake_is_born_clean(project: Path) -> None:
    run("ruff", "check", "--no-cache", cwd=project)
    run("ruff", "format", "--check", "--no-cache", cwd=project)
    for path, text in texts(project):
        tidy = "\n".join(map(str.rstrip, text.rstrip().splitlines())) + "\n"
        assert text in ("", tidy), f"{path} has trailing blanks"
        tag = r"\{\{-?\s*_?cookiecutter" if path.startswith("platform/") else r"\{%|\{#|\{\{-?\s*_?cookiecutter"
        assert not re.search(tag, text), f"{path} has a template tag"


def read_yaml(text: str) -> object:
    """Return the documents in *text*."""
    return list(yaml.safe_load_all(text))


def test_configuration_files_parse(project: Path) -> None:
    readers: dict[str, Callable[[str], object]] = {
        ".ipynb": json.loads,
        ".json": json.loads,
        ".toml": tomllib.loads,
        ".yaml": read_yaml,
        ".yml": read_yaml,
    }
    for path, text in texts(project):
        if reader := readers.get(Path(path).suffix):
            try:
                reader(text)
            except (ValueError, yaml.YAMLError) as error:
                pytest.fail(f"{path}: {error}")


def test_free_text_reaches_the_project_unharmed(project: Path, answers: dict[str, str]) -> None:
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert about["description"] == answers.get("description", QUESTIONS["description"])
    if "author" in answers:
        assert about["authors"] == [{"name": answers["author"]}]


def test_nothing_of_the_template_leaks_out(project: Path) -> None:
    ours = re.compile(
        rf"{re.escape(str(TEMPLATE))}|{re.escape(str(project))}|{re.escape(str(Path.home()))}/|mlops-gitops"
    )
    for path, text in texts(project):
        assert not (found := ours.search(text)), f"{path}: {found}"


def test_bake_is_one_commit_that_holds_every_file(project: Path) -> None:
    assert run("git", "status", "--porcelain", "--ignored", cwd=project) == ""
    assert run("git", "rev-list", "--count", "main", cwd=project) == "1\n"
    assert set(run("git", "ls-files", "-z", cwd=project).split("\0")) - {""} == files(project)


def test_package_does_not_spell_its_own_name(project: Path) -> None:
    (package,) = (project / "src").iterdir()
    for module in [*package.rglob("*.py"), *(project / "platform").rglob("*.py")]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert package.name not in {name.partition(".")[0] for name in names}, module


@pytest.fixture
def baked(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Return a function from answers to path and content of each text file that they bake."""
    return lambda **answers: dict(texts(bake(tmp_path_factory.mktemp("bake"), **answers)))


@pytest.mark.parametrize("question", [name for name in QUESTIONS if name not in ADOPTED])
def test_each_answer_changes_files_outside_the_readme(question: str, baked: Callable[..., dict[str, str]]) -> None:
    base = {"storage": "s3", "bucket": "a-bucket"}
    before, after = baked(**base), baked(**base | {question: FLIPS[question]})
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed - {"README.md"}


@pytest.mark.parametrize("storage", CHOICES["storage"])
def test_storage_changes_settings_and_no_code(storage: str, baked: Callable[..., dict[str, str]]) -> None:
    git, other = baked(), baked(storage=storage)
    assert git.keys() == other.keys()
    assert not {path for path in git if path.endswith(".py") and git[path] != other[path]}


def test_only_the_readme_holds_template_logic() -> None:
    logical = {path for path, text in texts(GENERATED) if "{%" in text and not path.startswith("platform/")}
    assert logical <= {"README.md"}
    assert not {path for path in files(GENERATED) if "{%" in path}


def test_copied_folders_hold_no_template_variable() -> None:
    assert SETTINGS["_copy_without_render"] == [".github/*", "platform/*", "deploy/spark/*"]
    copied = [
        (path, text) for path, text in texts(GENERATED) if path.startswith((".github/", "deploy/spark/", "platform/"))
    ]
    assert copied
    assert not [path for path, text in copied if re.search(r"\{\{-?\s*_?cookiecutter", text)]
    assert not [path for path, _ in copied if "{{" in path]


def test_platform_is_the_same_in_every_project(baked: Callable[..., dict[str, str]]) -> None:
    one, other = baked(), baked(**FLIPS)
    platform = {path for path in one if path.startswith("platform/")}
    assert len(platform) > 100
    assert not [path for path in platform if one[path] != other[path]]
    assert not [path for path in platform if re.search(r"flight[_-]delays|Flight Delays", one[path])]


def test_digests_of_the_platform_are_those_of_its_files(tmp_path: Path) -> None:
    platform = bake(tmp_path) / "platform"
    run("sha256sum", "--check", "--strict", "--quiet", "SHA256", cwd=platform)
    listed = {line.partition("  ")[2] for line in (platform / "SHA256").read_text(encoding="utf-8").splitlines()}
    assert listed == files(platform) - {"SHA256"}


def test_caches_of_tests_in_place_are_not_baked(tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE, template, ignore=LITTER)
    for cache in ("__pycache__", ".pytest_cache", "src/mlgitops/__pycache__", "tests/.hypothesis"):
        folder = template / GENERATED.name / "platform" / cache
        folder.mkdir(parents=True)
        (folder / "left").touch()
    project = Path(cookiecutter(str(template), no_input=True, output_dir=str(tmp_path)))
    assert not list(project.rglob("left"))
    assert "left" not in (project / "platform/SHA256").read_text(encoding="utf-8")


def test_template_holds_nothing_that_a_tool_left_behind() -> None:
    litter = {".mypy_cache", ".store", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__"}
    assert not [path for path in files(GENERATED) if litter & set(Path(path).parts)]


def test_instructions_for_assistants_name_commands_and_files_that_exist(project: Path) -> None:
    text = (project / "AGENTS.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets
    written_later = {".uv/bin/uv", ".store/", "dvc.lock", "uv.lock", "models/", "reports/", "reports/review.md"}
    paths = set(re.findall(r"`([\w.*/-]*[./][\w.*/-]*)`", text)) - written_later - {"data/*.parquet"}
    assert not [path for path in paths if not (project / path).exists()]
    assert len(paths) > 10
