"""Both notebooks work for any contract, from their folder and from the project's; they are kept without outputs."""

import html
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from helpers.repository import ROOT, package
from nbclient import NotebookClient

from mlgitops.contract.contract import Contract
from mlgitops.contract.synthetic import example_rows

EXPLORE, COMPARE = "notebooks/explore.ipynb", "notebooks/compare_libraries.ipynb"
COLUMNS = """
columns:
  kind: {type: category, categories: [a, b, c]}
  price: {type: number, min: 0}
  made: {type: date, missing: true}
  color: {type: category, missing: 0.5}
  sold: {type: boolean}
"""
CONTRACTS = {
    "of this project": (ROOT / "contract.yaml").read_text(encoding="utf-8"),
    "of classes": "task: multiclass\ntarget: kind" + COLUMNS,
    "of numbers": "task: regression\ntarget: price" + COLUMNS,
}
PIPELINE = """
from mlgitops.data import split
from mlgitops.model import evaluate, export, train

split.main(["data/raw.parquet", "data/train.parquet", "data/test.parquet"], standalone_mode=False)
train.main(["data/train.parquet", "models/trained.onnx", "reports/cross_validation.json"], standalone_mode=False)
made = ["data/test.parquet", "models/trained.onnx", "reports/metrics.json", "reports/plots"]
evaluate.main(made, standalone_mode=False)
export.main([made[1], made[0], *made[2:], "models/export", "--train", "data/train.parquet"], standalone_mode=False)
"""


def example_table(contract: Contract, count: int) -> pd.DataFrame:
    """Return *count* rows of all columns, the target and the keys included."""
    rows = pd.DataFrame(example_rows(contract, count))
    classes = [contract.classes[n % len(contract.classes)] for n in range(count)] if contract.classes else range(count)
    others = {name: range(count) for name in contract.columns if name not in rows}
    return rows.assign(**others | {contract.target: classes})


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with this one's code, a contract, rows that keep it, and a pipeline that has run on them."""
    for folder in ("src", "notebooks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    if request.param != "of this project":
        (tmp_path / "src" / package() / "features.py").write_text("", encoding="utf-8")
    (tmp_path / "contract.yaml").write_text(CONTRACTS[request.param], encoding="utf-8")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data").mkdir()
    example_table(Contract.load(tmp_path / "contract.yaml"), 500).to_parquet(tmp_path / "data/raw.parquet", index=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    subprocess.run([sys.executable, "-c", PIPELINE], cwd=tmp_path, check=True)
    return tmp_path


def execute(project: Path, folder: str, name: str) -> dict[str, list[Any]]:
    """Return the outputs of each cell of a notebook, run from *folder*."""
    notebook = nbformat.read(project / name, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project / folder)}}).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.parametrize(
    ("project", "folder"),
    [("of this project", "notebooks"), ("of classes", "."), ("of numbers", "notebooks")],
    indirect=["project"],
)
def test_notebooks_run(project: Path, folder: str) -> None:
    shown = shown_by(project, folder, EXPLORE)
    contract = Contract.load(project / "contract.yaml")
    assert all(name in shown["columns"]["text/html"] for name in contract.columns)
    assert "image/png" in shown["target"]
    assert all(name in shown["train"]["text/plain"] for name in ("params.yaml", "linear", "boosting", "forest"))
    assert shown["runs"]["text/plain"].count("FINISHED") == 1
    assert "prediction" in shown["score"]["text/plain"]

    shown = shown_by(project, folder, COMPARE)
    for name, module in {"LightGBM": "lightgbm", "XGBoost": "xgboost", "CatBoost": "catboost"}.items():
        installed = find_spec(module) is not None
        assert (f"uv add --group pipeline 'mlgitops[{module}]'" in html.unescape(shown["libraries"])) != installed
        assert (name in shown["compare"]) == installed
    assert all(name in shown["compare"] for name in ("model.py", "scikit-learn, linear", "difference"))


def shown_by(project: Path, folder: str, name: str) -> dict[str, Any]:
    """Return what each cell of a notebook shows: of a table, its HTML."""
    outputs = execute(project, folder, name)
    assert not [output for shown in outputs.values() for output in shown if output.output_type == "stream"]
    data = {cell: shown[-1].data for cell, shown in outputs.items() if shown}
    return {cell: content["text/html"] for cell, content in data.items()} if name == COMPARE else data


@pytest.mark.parametrize("name", [EXPLORE, COMPARE])
def test_notebook_is_kept_without_outputs(name: str) -> None:
    for cell in json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]
