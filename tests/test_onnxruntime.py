"""The exported model gives its reference predictions under every onnxruntime that the platform allows."""

import re
import sys
from pathlib import Path

import pytest
from helpers.support import GENERATED, run

CODE = """
import json, onnxruntime
from pathlib import Path
from mlgitops.model.scorer import Scorer

scorer, golden = Scorer(Path("models/export")), json.loads(Path("models/export/golden.json").read_text())
columns = {name: [row.get(name) for row in golden["rows"]] for name in scorer.contract.inputs}
assert scorer.answers(columns) == golden["answers"]
print(onnxruntime.__version__)
"""
PACKAGES = ("numpy", "pydantic", "pyyaml", "click", "tzdata")


def lowest() -> str:
    """Return the oldest onnxruntime that the platform allows."""
    text = (GENERATED / "platform/pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'"onnxruntime>=([0-9.]+)"', text)
    return str(version)


@pytest.mark.nightly
def test_the_lowest_and_the_newest_allowed_onnxruntime_give_the_golden_answers(champion: Path, tmp_path: Path) -> None:
    versions = []
    for number, requirement in enumerate((f"onnxruntime=={lowest()}.*", "onnxruntime")):
        python = tmp_path / str(number) / "bin/python"
        run("uv", "venv", "--quiet", "--python", sys.executable, str(python.parents[1]), cwd=tmp_path)
        run("uv", "pip", "install", "--quiet", "--python", str(python), requirement, *PACKAGES, cwd=tmp_path)
        output = run(str(python), "-c", CODE, cwd=champion, PYTHONPATH=str(champion / "platform/src"))
        versions.append(output.splitlines()[-1])
    assert versions[0].startswith(lowest())
    assert tuple(map(int, versions[1].split("."))) > tuple(map(int, versions[0].split(".")))
