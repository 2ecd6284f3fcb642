"""Our reasons are close to what the package shap computes for the same model and the same background."""

import json
from pathlib import Path

import pytest
from helpers.support import run

pytestmark = pytest.mark.nightly

# An environment of its own: shap brings numba and llvmlite, which no project needs.
PACKAGES = ["shap==0.51.0", "onnxruntime", "pydantic", "pyyaml", "ruamel-yaml", "click", "tzdata"]
COMPARE = """
import json, sys
from pathlib import Path
import numpy as np
import shap
from mlgitops.model import background
from mlgitops.model.reasons import Explainer
from mlgitops.model.scorer import Scorer
folder = Path(sys.argv[1])
scorer = Scorer(folder)
explainer, names = Explainer(scorer), list(scorer.contract.inputs)
rows = json.loads((folder / "golden.json").read_text())["rows"][:8]
sent = background.parsed(rows, scorer.contract)
columns = {name: [row.get(name) for row in sent] for name in names}
ours = explainer.reasons(columns, scorer.predict(columns))
known = background.read(folder, scorer.contract)
values = {name: [row.get(name) for row in [*known, *sent]] for name in names}

def predict(positions):  # shap mixes numbers: here, the rows from which the value of each column is taken
    mixed = {name: [values[name][int(p)] for p in positions[:, at]] for at, name in enumerate(ours.columns)}
    rest = {name: [None] * len(positions) for name in names if name not in mixed}
    return scorer.predict(mixed | rest)[:, 1].astype("float64")

places = np.repeat(np.arange(len(known) + len(sent), dtype="float64")[:, None], len(ours.columns), axis=1)
masker = shap.maskers.Independent(places[: len(known)], max_samples=len(known))
permutation = shap.explainers.Permutation(predict, masker, seed=1)
result = permutation(places[len(known) :], max_evals=40 * (2 * len(ours.columns) + 1), silent=True)
print(json.dumps({
    "base": float(np.abs(result.base_values - ours.base).max()),
    "difference": float(np.abs(result.values - ours.contributions).sum() / np.abs(result.values).sum()),
    "correlation": float(np.corrcoef(result.values.ravel(), ours.contributions.ravel())[0, 1]),
    "rows": len(sent), "columns": len(ours.columns), "background": len(known),
}))
"""


def test_reasons_agree_with_shap(project: Path) -> None:
    packages = [word for package in PACKAGES for word in ("--with", package)]
    uv = ["uv", "run", "--quiet", "--no-project", "--python", "3.11", *packages, "python", "-c", COMPARE]
    source = str(project / "platform/src")
    output = run(*uv, str(project / "models/export"), cwd=project, PYTHONPATH=source, UV_NO_SYNC="")
    agreement = json.loads(output.splitlines()[-1])
    assert (agreement["rows"], agreement["background"]) == (8, 50)
    assert agreement["columns"] > 15
    assert agreement["base"] < 1e-6
    assert agreement["correlation"] > 0.99
    assert agreement["difference"] < 0.2
