"""The dev container sets itself up as a laptop does, and shows what the servers of this repository answer."""

import json
import re
import tomllib

from helpers.repository import ROOT

CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_it_is_set_up_by_targets_of_make() -> None:
    program, *targets = CONTAINER["postCreateCommand"].split()
    assert program == "make"
    assert targets
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)


def test_its_python_is_one_that_the_project_allows() -> None:
    version = re.fullmatch(r"\S+/python:3\.(\d+)-\w+", CONTAINER["image"])
    low, high = map(int, re.findall(r"3\.(\d+)", ABOUT["project"]["requires-python"]))
    assert version
    assert low <= int(version[1]) < high


def test_every_port_that_a_target_opens_is_forwarded_and_named() -> None:
    opened = {int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", MAKEFILE)}
    assert set(CONTAINER["forwardPorts"]) == opened != set()
    assert {int(port) for port, about in CONTAINER["portsAttributes"].items() if about["label"]} == opened
