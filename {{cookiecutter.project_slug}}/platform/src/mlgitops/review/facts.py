"""What the manifests of the exported models say: where they come from, what they achieved, what they rely on."""

import math
from collections.abc import Mapping
from typing import Any

from ..model import metrics
from ..model.parity import Parity
from ..model.scorer import digest
from .inputs import Model
from .report import Importance, ModelFacts

MOST_FEATURES = 10
REASONS = "reasons"
FIRST = "The next model will be compared with this one after make register; make promote makes it the champion."


def facts(model: Model, latency_ms: float) -> ModelFacts:
    """Return what the manifest of an exported model says of it, and what is measured of its file."""
    manifest, path = model.scorer.manifest, model.scorer.folder / "model.onnx"
    parity = manifest.get("parity")
    return ModelFacts(
        source=model.source,
        model_sha256=digest(path),
        contract_sha256=manifest.get("contract_sha256"),
        pipeline_sha256=manifest.get("pipeline_sha256"),
        test_sha256=manifest.get("test_sha256"),
        threshold=model.scorer.threshold,
        packages=manifest.get("packages") or {},
        parity=Parity(**parity) if parity else None,
        size_bytes=path.stat().st_size,
        latency_ms=latency_ms,
        test_rows=test_rows(model),
    )


def test_rows(model: Model) -> int | None:
    """Return the number of test rows that a model was evaluated on at its export, if it is recorded."""
    test = model.profile.parts.get("test") if model.profile else None
    recorded: int | None = (model.scorer.manifest.get("metrics") or {}).get("rows")
    return test.rows if test else recorded


def importances(candidate: Model, champion: Model | None) -> tuple[Importance, ...]:
    """Return what either model relies on most: columns by their reasons if the candidate gives some, else features."""
    fact = REASONS if gives_reasons(candidate) else "importance"
    new, old = (_recorded(model, fact) for model in (candidate, champion))
    names = [*list(new)[:MOST_FEATURES], *list(old)[:MOST_FEATURES]]
    ranked = sorted(dict.fromkeys(names), key=lambda name: -max(new.get(name, -math.inf), old.get(name, -math.inf)))
    return tuple(Importance(name, new.get(name), old.get(name)) for name in ranked[:MOST_FEATURES]) if new else ()


def gives_reasons(model: Model) -> bool:
    """Return whether a model was exported with the mean contributions of its columns."""
    return bool(model.scorer.manifest.get(REASONS))


def _recorded(model: Model | None, fact: str) -> Mapping[str, float]:
    recorded: dict[str, Any] = (model.scorer.manifest.get(fact) or {}) if model else {}
    return {name: float(value) for name, value in recorded.items()}


def notes(
    candidate: Model, champion: Model | None, reasons: tuple[str, ...], rows_sha256: str | None, learned: int | None
) -> tuple[str, ...]:
    """Return what a reader must know to interpret the comparison.

    *learned* is how many test rows the champion was trained on; None where nobody knows.
    """
    sentences = [*([] if champion else [FIRST]), *_refit(candidate)]
    if _other_rows(candidate, rows_sha256):
        sentences.append("These are not the test rows that the candidate was exported with.")
    if champion and reasons:
        sentences.append(
            f"The {champion.source.role} cannot be evaluated on these rows: {'; '.join(reasons)}.{_achieved(champion)}"
        )
    elif champion and learned != 0 and _other_rows(champion, rows_sha256):
        rows = f"on {learned:,} of the test rows" if learned else "on some of the test rows, which were others then"
        certainty = "was" if learned else "may have been"
        sentences.append(f"The {champion.source.role} {certainty} trained {rows}: its scores there may be too good.")
    return tuple(sentences)


def _refit(candidate: Model) -> list[str]:
    fact = candidate.scorer.manifest.get("refit")
    if not fact:
        return []
    return [
        f"The exported model is fitted on {fact['rows']:,} rows, the test part included (train.refit). The metrics are "
        f"those of the model with the same settings that was fitted on {fact['evaluated_rows']:,} rows; latency, size, "
        "parity and behaviour are those of the exported one."
    ]


def _achieved(champion: Model) -> str:
    name = metrics.name(champion.scorer.contract)
    recorded = champion.scorer.manifest.get("metrics") or {}
    if recorded.get(name) is None or not recorded.get("rows"):
        return ""
    return f" It reached {name} {recorded[name]:.4f} on its own {recorded['rows']:,} test rows."


def _other_rows(model: Model, rows_sha256: str | None) -> bool:
    return rows_sha256 is not None and model.scorer.manifest.get("test_sha256") not in (None, rows_sha256)
