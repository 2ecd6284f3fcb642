"""Stage export: write the files that serving needs, if they match the trained estimator."""

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from ..common import files, project
from ..contract.contract import Contract
from ..contract.params import Params
from ..contract.row_schema import json_schema
from ..data import frame
from ..data.profile import FILE as PROFILE
from ..data.profile import profile
from . import card, client_files, parity, trained
from .decision import USUAL
from .scorer import CATEGORIES, Scorer, digest, digests

EXPORT_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


@click.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.argument("test", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path, exists=True))
@click.argument("plots", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--train", type=click.Path(path_type=Path, exists=True), help="The train part, for the data's profile.")
def main(model: Path, test: Path, report: Path, plots: Path, folder: Path, train: Path | None) -> None:
    """Write MODEL to FOLDER as ONNX, with the contract, golden rows of TEST, a profile of the data, and a card.

    The card is made from REPORT and PLOTS.
    """
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    description, rows = trained.load(model, contract).description(), pd.read_parquet(test)
    agreement = parity.accepted(description.difference, parity.tolerance_of(contract, params.export))
    with files.replacing(folder) as new:
        new.mkdir()
        (new / "model.onnx").write_bytes(model.read_bytes())
        (new / "contract.yaml").write_bytes(Path("contract.yaml").read_bytes())
        (new / project.FEATURES).write_bytes(project.file(project.FEATURES).read_bytes())
        files.write_json(new / "request.schema.json", json_schema(contract))
        files.write_json(new / CATEGORIES, description.categories)
        parts = ({"train": train} if train else {}) | {"test": test}
        profile(parts, contract).save(new / PROFILE)
        evaluation = files.read_json(report)
        metrics = {name: value for name, value in evaluation.items() if isinstance(value, int | float)}
        files.write(new / "card.md", card.card(contract, params, description.label, evaluation, plots))
        for name, reason in client_files.write(new, contract, frame.columns(rows, contract)).items():
            click.echo(f"{project.FEATURES}: {name} runs in Python only: it {reason}")
        facts = _facts(params, model, parts, evaluation) | {"metrics": metrics} | _by_part(plots)
        facts |= {"interval": description.interval}
        files.write_json(new / "manifest.json", {**facts, "files": digests(new)})
        scorer = Scorer(new)
        exported = scorer.predict(frame.columns(rows, contract))
        golden = np.linspace(0, len(rows) - 1, min(params.export.golden_rows, len(rows))).astype(int)
        sent = frame.records(rows.iloc[golden], contract)
        files.write_json(new / "golden.json", {"rows": sent, "answers": scorer.to_answers(exported[golden])})
        files.write_json(new / "manifest.json", {**facts, "parity": asdict(agreement), "files": digests(new)})
    margin = f"largest difference {agreement.largest_difference:.1e}"
    click.echo(f"{folder}: matches the trained estimator on {agreement.rows:,} rows ({margin})")


def _threshold(evaluation: dict[str, Any], params: Params) -> float:
    setting = params.evaluate.threshold
    return float(evaluation.get("decision", {}).get("threshold", setting if isinstance(setting, float) else USUAL))


def _by_part(plots: Path) -> dict[str, Any]:
    """Return the importance of each feature and the primary metric of each slice, as evaluate measured them."""
    slices = pd.read_csv(plots / "slices.csv", dtype={"column": str, "value": str}, keep_default_na=False)
    return {"importance": _importance(plots), "slices": slices.to_dict(orient="records")}


def _importance(plots: Path) -> dict[str, float]:
    """Return the importance of each feature as evaluate measured it, the largest first."""
    undefined = {"importance": [""]}
    table = pd.read_csv(plots / "importance.csv", dtype={"feature": str}, keep_default_na=False, na_values=undefined)
    defined = table.dropna(subset="importance")
    return {str(name): float(value) for name, value in zip(defined["feature"], defined["importance"], strict=True)}


def _facts(params: Params, model: Path, parts: dict[str, Path], evaluation: dict[str, Any]) -> dict[str, Any]:
    return {
        "project": project.name(),
        "threshold": _threshold(evaluation, params),
        "decision": evaluation.get("decision", {}),
        "leaks": evaluation.get("leaks", []),
        "table": evaluation.get("table", {}),
        "params": params.model_dump(mode="json", exclude={"review", "image", "monitor", "retrain", "tune"}),
        "pipeline_sha256": digest(model),
        **{f"{name}_sha256": digest(path) for name, path in parts.items()},
        "contract_sha256": digest(Path("contract.yaml")),
        "packages": {name: importlib.metadata.version(name) for name in EXPORT_PACKAGES},
    }
