"""Makes a release of the template: the changelog, the pinned day, one commit and its tag. Pushes nothing."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

CHANGELOG, ANSWERS = Path("CHANGELOG.md"), Path("cookiecutter.json")
PINNED = (Path("pyproject.toml"), Path("{{cookiecutter.project_slug}}/pyproject.toml"))
PLATFORM = Path("{{cookiecutter.project_slug}}/platform/pyproject.toml")
TUTORIAL = Path("docs/tutorial.md")  # names the release to generate a project from
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def git(*words: str) -> str:
    """Return what git says; raises CalledProcessError where it fails."""
    return subprocess.run(("git", *words), check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()


def numbers(version: str) -> tuple[int, ...]:
    """Return the three numbers of a version, to compare."""
    return tuple(map(int, version.split(".")))


def notes(changelog: str, version: str) -> str:
    """Return what the changelog says of *version*, or of what is not released yet where it says nothing of it."""
    for name in (version, "Unreleased"):
        found = re.search(rf"(?ms)^## \[{re.escape(name)}\].*?\n(.*?)(?=^## |\Z)", changelog)
        if found and re.search(r"(?m)^- ", found[1]):
            return found[1].strip()
    return ""


def refusal(version: str) -> str:
    """Return why *version* cannot be released now, or nothing."""
    if not VERSION.fullmatch(version):
        return f"VERSION={version}: write it as 1.2.3"
    if git("status", "--porcelain"):
        return "the work tree has changes: commit them first"
    if (branch := git("branch", "--show-current")) != "main":
        return f"this is the branch {branch or 'of no name'}: releases are made on main"
    tags = [tag.removeprefix("v") for tag in git("tag", "--list", "v*").split()]
    released = max((numbers(tag) for tag in tags if VERSION.fullmatch(tag)), default=(-1,))
    if numbers(version) <= released:
        return f"VERSION={version} is not newer than {'.'.join(map(str, released))}"
    if not notes(CHANGELOG.read_text(encoding="utf-8"), version):
        return f"{CHANGELOG} says nothing of {version}: write it under '## [{version}] - unreleased'"
    return ""


def write(version: str, today: str) -> None:
    """Put version and day into the files that name them."""
    text = CHANGELOG.read_text(encoding="utf-8")
    name = version if f"\n## [{version}]" in text else "Unreleased"
    heading = rf"(?mi)^## \[{re.escape(name)}\].*$"
    CHANGELOG.write_text(re.sub(heading, f"## [{version}] - {today}", text, count=1), encoding="utf-8", newline="\n")
    text = ANSWERS.read_text(encoding="utf-8")
    changed = text.replace(f'"__version": "{json.loads(text)["__version"]}"', f'"__version": "{version}"')
    ANSWERS.write_text(changed, encoding="utf-8", newline="\n")
    text = PLATFORM.read_text(encoding="utf-8")
    changed = re.sub(r'(?m)^version = "[^"]*"', f'version = "{version}"', text, count=1)
    PLATFORM.write_text(changed, encoding="utf-8", newline="\n")
    text = TUTORIAL.read_text(encoding="utf-8")
    changed = re.sub(r"--checkout v\d+\.\d+\.\d+", f"--checkout v{version}", text)
    TUTORIAL.write_text(changed, encoding="utf-8", newline="\n")
    for path in PINNED:
        text = path.read_text(encoding="utf-8")
        changed = re.sub(r'(?m)^exclude-newer = "[^"]*"', f'exclude-newer = "{today}"', text)
        path.write_text(changed, encoding="utf-8", newline="\n")


def main(version: str) -> str:
    """Release *version* and return what is left to do; exit with 1 where it is refused."""
    if why := refusal(version):
        sys.exit(f"no release: {why}")
    said = notes(CHANGELOG.read_text(encoding="utf-8"), version)
    write(version, datetime.now(UTC).date().isoformat())
    git("commit", "--quiet", "--all", "-m", f"Release {version}")
    # verbatim, because the headings of the notes begin with what git takes for a comment
    git("tag", "--annotate", "--cleanup=verbatim", f"v{version}", "-m", f"{version}\n\n{said}\n")
    left = ("git push origin main", f"git push origin v{version}")
    return "\n  ".join((f"v{version} is made, here alone; look at `git show v{version}`, then:", *left))


if __name__ == "__main__":
    print(main(sys.argv[1] if len(sys.argv) > 1 else ""))
