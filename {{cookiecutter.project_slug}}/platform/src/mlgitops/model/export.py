"""Stage export: write the files that serving needs, and verify that they match the trained pipeline."""

import importlib.metadata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..common import files, project
from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.contract import Contract
from ..contract.params import Export, Params
from ..contract.row_schema import json_schema
from ..data import frame
from ..data.profile import FILE as PROFILE
from ..data.profile import profile
from . import card, pipeline
from .decision import USUAL
from .known_categories import known_categories
from .pipeline import label, predict
from .scorer import CATEGORIES, Scorer, digest, digests

EXPORT_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Parity(Record):
    """The largest difference between the exported model and the trained one on *rows* test rows."""

    rows: int
    largest_difference: float
    tolerance: float


def convert(fitted: BaseEstimator, contract: Contract) -> bytes:
    """Return the fitted pipeline as an ONNX model with one input per feature."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    from .words_onnx import register

    kinds = {"number": FloatTensorType, "category": StringTensorType, "text": StringTensorType}
    register()
    inputs = [(feature.name, kinds[feature.kind]([None, 1])) for feature in contract.features]
    final = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    options = {id(final): {"zipmap": False}} if contract.classes else None
    model = convert_sklearn(fitted, name="model", initial_types=inputs, options=options)
    versions = sorted(model.opset_import, key=lambda version: version.domain)  # their order depends on the hash seed
    del model.opset_import[:]
    model.opset_import.extend(versions)
    return bytes(model.SerializeToString(deterministic=True))


def parity(contract: Contract, trained: np.ndarray, exported: np.ndarray, params: Export) -> Parity:
    """Compare the exported model with the trained one; raises ProjectError if they differ beyond the tolerance."""
    difference = np.abs(trained - exported)
    if contract.classes:
        worst, tolerance = difference.max(axis=1), params.probability_tolerance
    else:  # relative to the number, or to the mean magnitude where the number is close to zero
        size = np.maximum(np.abs(trained), np.abs(trained).mean())
        worst, tolerance = difference / np.maximum(size, np.finfo(np.float32).tiny), params.number_tolerance
    beyond = np.flatnonzero(~(worst <= tolerance))
    if len(beyond):
        largest = beyond[np.argsort(-worst[beyond], kind="stable")][:5]
        shown = "\n".join(
            f"  row {row}: trained {trained[row].tolist()}, exported {exported[row].tolist()}" for row in largest
        )
        raise ProjectError(
            f"export: {len(beyond)} of {len(worst)} test rows differ by more than {tolerance:g}; the most:\n{shown}\n"
            "try another algorithm, or raise the tolerance in params.yaml (export)"
        )
    return Parity(len(worst), float(worst.max()), tolerance)


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
    fitted, rows = pipeline.load(model), pd.read_parquet(test)
    with files.replacing(folder) as new:
        new.mkdir()
        (new / "model.onnx").write_bytes(convert(fitted, contract))
        (new / "contract.yaml").write_bytes(Path("contract.yaml").read_bytes())
        (new / project.FEATURES).write_bytes(project.file(project.FEATURES).read_bytes())
        files.write_json(new / "request.schema.json", json_schema(contract))
        files.write_json(new / CATEGORIES, known_categories(fitted, contract))
        parts = ({"train": train} if train else {}) | {"test": test}
        profile(parts, contract).save(new / PROFILE)
        evaluation = files.read_json(report)
        metrics = {name: value for name, value in evaluation.items() if isinstance(value, int | float)}
        files.write(new / "card.md", card.card(contract, params, label(params.model, fitted), metrics, plots))
        facts = _facts(params, model, parts, evaluation) | {"metrics": metrics, "importance": _importance(plots)}
        files.write_json(new / "manifest.json", {**facts, "files": digests(new)})
        scorer = Scorer(new)
        exported = scorer.predict(frame.columns(rows, contract))
        agreement = parity(contract, predict(fitted, frame.features(rows, contract)), exported, params.export)
        golden = np.linspace(0, len(rows) - 1, min(params.export.golden_rows, len(rows))).astype(int)
        sent = frame.records(rows.iloc[golden], contract)
        files.write_json(new / "golden.json", {"rows": sent, "answers": scorer.to_answers(exported[golden])})
        files.write_json(new / "manifest.json", {**facts, "parity": asdict(agreement), "files": digests(new)})
    margin = f"largest difference {agreement.largest_difference:.1e}"
    click.echo(f"{folder}: matches the trained pipeline on {agreement.rows:,} rows ({margin})")


def _importance(plots: Path) -> dict[str, float]:
    """Return the importance of each feature as evaluate measured it, the largest first."""
    undefined = {"importance": [""]}
    table = pd.read_csv(plots / "importance.csv", dtype={"feature": str}, keep_default_na=False, na_values=undefined)
    defined = table.dropna(subset="importance")
    return {str(name): float(value) for name, value in zip(defined["feature"], defined["importance"], strict=True)}


def _facts(params: Params, model: Path, parts: dict[str, Path], evaluation: dict[str, Any]) -> dict[str, Any]:
    decision, setting = evaluation.get("decision", {}), params.evaluate.threshold
    return {
        "project": project.name(),
        "threshold": decision.get("threshold", setting if isinstance(setting, float) else USUAL),
        "decision": decision,
        "leaks": evaluation.get("leaks", []),
        "table": evaluation.get("table", {}),
        "params": params.model_dump(mode="json", exclude={"review", "image", "monitor", "retrain"}),
        "pipeline_sha256": digest(model),
        **{f"{name}_sha256": digest(path) for name, path in parts.items()},
        "contract_sha256": digest(Path("contract.yaml")),
        "packages": {name: importlib.metadata.version(name) for name in EXPORT_PACKAGES},
    }
