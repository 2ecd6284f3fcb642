"""params.yaml: the settings of a run, one section per stage."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ..common.document import Document, Section

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Cost = Annotated[float, Field(gt=0)]
Mistake = Literal["false_positive", "false_negative"]
Threshold = Share | Literal["f1", "youden"] | Annotated[dict[Mistake, Cost], Field(min_length=2)]


class Ingest(Section):
    """Where the table comes from."""

    source: str = Field(
        min_length=1, description="A table (.csv, .tsv, .parquet), a query (.sql), or a Python file with load()."
    )


class Split(Section):
    """How rows are held out."""

    test: Share = Field(description="Share of the rows that are held out for evaluation.")


class Train(Section):
    """How the model is cross-validated."""

    folds: int = Field(ge=2, description="Number of folds of the cross-validation.")
    random_state: int = Field(ge=0, description="Random seed of the folds and of permutation importance.")


class Tune(Section):
    """Hyperparameter search with Optuna."""

    trials: int = Field(ge=0, description="Number of settings to try; 0 trains with those in `model`.")
    space: dict[str, tuple[int, int] | tuple[float, float]] = Field(
        description="Lowest and highest value of each setting to search; integers stay integers."
    )


class Evaluate(Section):
    """How the model is evaluated on the test part."""

    threshold: Threshold = Field(
        description="Decision threshold, the smallest probability of the positive class: a number, or what the best "
        "one on cross-validated predictions achieves: `f1`, `youden` (the sum of both classes' recall), or the lowest "
        "cost, such as `{false_positive: 1, false_negative: 5}`."
    )
    importance_rows: Count = Field(description="Number of rows on which permutation importance is measured.")
    min_slice_rows: Count = Field(description="Slices with fewer rows are not reported.")


class Export(Section):
    """How closely the exported model must match the trained one."""

    probability_tolerance: float = Field(gt=0, description="Largest absolute difference of a probability.")
    number_tolerance: float = Field(gt=0, description="Largest relative difference of a predicted number.")
    golden_rows: Count = Field(
        description="Number of test rows exported with the model and its predictions, to verify images and deployments."
    )


class Gates(Section):
    """Conditions for accepting a model; null switches a gate off."""

    min_score: float | None = Field(description="Smallest primary metric.")
    max_drop: float | None = Field(
        ge=0, description="Largest drop of the primary metric against the champion, beyond noise."
    )
    min_slice_score: float | None = Field(description="Smallest primary metric of any slice, beyond noise.")
    validation: Literal[True] | None = Field(description="The data passed validation.")
    leakage: Literal[True] | None = Field(
        True, description="No columns almost determine the target, except `acknowledged_leaks` of the contract."
    )
    min_class_rows: Count | None = Field(
        5, description="Fewest test rows of a class; with fewer, the model is accepted as unproven only."
    )
    parity: Literal[True] | None = Field(
        description="The exported model matches the trained one, within the tolerance of export."
    )
    max_latency_ms: float | None = Field(gt=0, description="Largest median latency of one row, in milliseconds.")
    max_size_mb: float | None = Field(gt=0, description="Largest size of the exported model, in megabytes.")


class Review(Section):
    """How the candidate is compared with the champion, and which gates decide."""

    resamples: int = Field(ge=100, description="Bootstrap samples of the test rows behind each interval.")
    random_state: int = Field(ge=0, description="Random seed of the bootstrap.")
    gates: Gates


class Image(Section):
    """The scoring image."""

    repository: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.:_/-]*$",
        description="Where the image is pushed, as registry/owner/name. The variable IMAGE_REPOSITORY overrides it.",
    )
    base: str = Field(
        min_length=1,
        description="Base image: Debian or Ubuntu with Python, pinned by digest; `image base` updates it.",
    )


class Monitor(Section):
    """When drift raises an alarm."""

    max_psi: float = Field(
        gt=0,
        description="Largest population stability index (PSI) of a column; 0.1 is a small shift, 0.25 a large one.",
    )


class Params(Document):
    """Settings of a run, one section per stage; the section `model` is passed to build() in model.py."""

    ingest: Ingest
    split: Split
    model: dict[str, Any] = Field(description="Keyword arguments of `build()` in `src/<package>/model.py`.")
    train: Train
    tune: Tune
    evaluate: Evaluate
    export: Export
    review: Review
    image: Image
    monitor: Monitor
