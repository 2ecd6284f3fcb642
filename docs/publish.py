"""Builds the site of each release and of main, as the workflow pages publishes it.

    python docs/publish.py FOLDER

Each version is built by its own script from its own files, in a folder of its name. `versions.json` lists them for the
menu of versions, and the first page leads to the newest release, or to main if there is none.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
FIRST = (0, 2, 0)  # the oldest release whose pages hold their text
TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
REDIRECT = """<!doctype html>
<meta charset="utf-8">
<title>cookiecutter-mlops-gitops</title>
<meta http-equiv="refresh" content="0; url={version}/">
<a href="{version}/">The documentation of {version}</a>
"""


def releases() -> dict[str, str]:
    """Return version and tag of the newest release of each minor version, the newest first."""
    newest: dict[tuple[int, int], tuple[int, int, int]] = {}
    for tag in _git("tag", "--list", "v*").decode().split():
        if match := TAG.fullmatch(tag):
            major, minor, patch = (int(number) for number in match.groups())
            if (major, minor, patch) >= FIRST:
                newest[major, minor] = max(newest.get((major, minor), FIRST), (major, minor, patch))
    versions = (".".join(map(str, numbers)) for numbers in sorted(newest.values(), reverse=True))
    return {version: f"v{version}" for version in versions}


def build(commit: str, target: Path) -> None:
    """Build the site of *commit* by its own script, and put it into *target*."""
    with tempfile.TemporaryDirectory() as folder:
        sources, built = Path(folder, "sources"), Path(folder, "built")
        with tarfile.open(fileobj=BytesIO(_git("archive", commit, "docs", "CHANGELOG.md"))) as archive:
            archive.extractall(sources, filter="data")
        subprocess.run((sys.executable, str(sources / "docs/build.py"), "--site", str(built)), check=True)
        shutil.copytree(built / "site", target)


def main(folder: Path) -> None:
    """Build all versions in *folder*, which is emptied first."""
    if "DOCS_REPOSITORY" not in os.environ and "GITHUB_REPOSITORY" in os.environ:
        os.environ["DOCS_REPOSITORY"] = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}".format_map(os.environ)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    versions = releases() | {"main": "HEAD"}
    for version, commit in versions.items():
        build(commit, folder / version)
    newest = next(iter(versions))
    entries = [
        {"version": version, "title": version, "aliases": ["latest"] if version == newest else []}
        for version in versions
    ]
    (folder / "versions.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(REDIRECT.format(version=newest), encoding="utf-8")
    print(f"{folder}: {', '.join(versions)}")


def _git(*words: str) -> bytes:
    return subprocess.run(("git", *words), cwd=TEMPLATE, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
