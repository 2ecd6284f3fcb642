"""Keeps the generated parts of the pages in docs/ up to date, and builds the site.

    python docs/build.py FOLDER           write the generated parts, and build the site in FOLDER/site
    python docs/build.py --site FOLDER    build the site of the pages as they are
    python docs/build.py --check          fail where a generated part is out of date

A generated part stands between two markers, so that the page holds its text at GitHub, too. The site links to its
repository, and each page to its source, if DOCS_REPOSITORY holds the address of the repository.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter
from parts import GENERATED

HERE = Path(__file__).resolve().parent
EDIT = "edit/main/docs"  # where GitHub edits a page
CHANGES = "changelog.md"  # the site's copy of CHANGELOG.md
PART = re.compile(r"(?ms)^<!-- (\w+): made by docs/build\.py -->\n.*?^<!-- /\1 -->$")


def outdated() -> dict[Path, str]:
    """Return each page with a generated part that is out of date, with the text that it should hold."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"no_input": True, "default_config": True, "accept_hooks": False, "output_dir": folder}
        project = Path(cookiecutter(str(HERE.parent), **options))
        pages = {path: path.read_text(encoding="utf-8") for path in sorted(HERE.rglob("*.md"))}
        current = {path: PART.sub(lambda part: _part(part[1], project), text) for path, text in pages.items()}
    return {path: text for path, text in current.items() if text != pages[path]}


def _part(name: str, project: Path) -> str:
    return f"<!-- {name}: made by docs/build.py -->\n\n{GENERATED[name](project)}\n\n<!-- /{name} -->"


def refresh() -> None:
    """Write the generated parts into the pages."""
    for path, text in outdated().items():
        path.write_text(text, encoding="utf-8")
        print(f"docs/{path.relative_to(HERE).as_posix()}: written")


def check() -> int:
    """Return 1, and name the pages, where a generated part is out of date."""
    pages = [path.relative_to(HERE).as_posix() for path in outdated()]
    for page in pages:
        print(f"docs/{page}: a generated part is out of date: run `make docs`", file=sys.stderr)
    return 1 if pages else 0


def site(folder: Path) -> int:
    """Build the site in *folder*/site; return 1 where a link is dead."""
    for generated in ("docs", "site"):
        shutil.rmtree(folder / generated, ignore_errors=True)
    shutil.copytree(HERE, folder / "docs", ignore=shutil.ignore_patterns("*.py", "*.toml", "theme", "__pycache__"))
    shutil.copytree(HERE / "theme", folder / "theme", dirs_exist_ok=True)
    for path in (folder / "docs").rglob("*.md"):
        path.write_text(_inside(path.read_text(encoding="utf-8"), path.relative_to(folder / "docs")), encoding="utf-8")
    changes = (HERE.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    (folder / "docs" / CHANGES).write_text(changes.replace("](docs/", "]("), encoding="utf-8")
    (folder / "zensical.toml").write_text(_settings(os.environ.get("DOCS_REPOSITORY", "")), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=False)
    page = folder / "site" / CHANGES.removesuffix(".md") / "index.html"
    if done.returncode == 0:  # its source is not in docs/
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(f"{EDIT}/{CHANGES}", "edit/main/CHANGELOG.md"), encoding="utf-8")
    return done.returncode


def _inside(text: str, page: Path) -> str:
    """Return a page whose links to files outside of docs/ lead to the repository, or are plain words without one."""
    depth, repository = len(page.parts) - 1, os.environ.get("DOCS_REPOSITORY", "")

    def moved(link: re.Match[str]) -> str:
        words, up, file, anchor = link.groups(default="")
        if up.count("../") <= depth:
            return link[0]
        if file == "CHANGELOG.md":
            return f"[{words}]({'../' * depth}{CHANGES}{anchor})"
        return f"[{words}]({repository}/blob/main/{file}{anchor})" if repository else words

    return re.sub(r"\[([^\]]+)\]\(((?:\.\./)+)([^)#.][^)#]*)(#[^)]*)?\)", moved, text)


def _settings(repository: str) -> str:
    """Return the settings of the site, with its links to the address *repository*, if there is one."""
    text = (HERE / "zensical.toml").read_text(encoding="utf-8")
    links = f'[project]\nrepo_url = "{repository}"\nedit_uri = "{EDIT}"\n' if repository else "[project]\n"
    return text.replace("[project]\n", links, 1)


def main(words: list[str]) -> int:
    """Run the command of the module's docstring that *words* name."""
    if words == ["--check"]:
        return check()
    if words[0] != "--site":
        refresh()
    return site(Path(words[-1]).resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
