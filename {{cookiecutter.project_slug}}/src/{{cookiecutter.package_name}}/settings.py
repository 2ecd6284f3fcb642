"""What params.yaml says: how a run is done, one section per stage."""

from typing import Annotated, Literal

from pydantic import Field

from .config import Document, Section

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Ingest(Section):
    """Where the table comes from."""

    source: str = Field(min_length=1, description="A table (.csv, .tsv, .parquet), a query (.sql), or a loader (.py).")


class Split(Section):
    """How rows are held out."""

    test: Share = Field(description="The share of rows that only evaluate may see.")


class Linear(Section):
    """Logistic regression, or ridge regression for numbers."""

    strength: float = Field(gt=0, description="How closely to follow the data; smaller is smoother.")


class Boosting(Section):
    """Histogram gradient boosting."""

    iterations: Count = Field(description="Trees, each correcting those before it.")
    learning_rate: float = Field(gt=0, le=1, description="How much a tree corrects; a smaller one needs more of them.")
    leaves: int = Field(ge=2, description="Most leaves of a tree.")
    min_leaf: Count = Field(description="Fewest training rows in a leaf.")
    l2: float = Field(ge=0, description="Pull of a leaf's answer towards zero; 0 is none.")


class Forest(Section):
    """Random forest."""

    trees: Count = Field(description="Trees, each fitted on rows drawn anew.")
    depth: Count = Field(description="Most questions between a tree's root and a leaf.")
    min_leaf: Count = Field(description="Fewest training rows in a leaf.")


class Search(Section):
    """Automated search with Optuna."""

    trials: int = Field(ge=0, description="How many settings of the algorithm are tried; 0 takes those written here.")
    space: dict[str, tuple[float, float]] = Field(
        description="Setting of the algorithm to its lowest and highest value."
    )


class Train(Section):
    """What is fitted."""

    algorithm: Literal["linear", "boosting", "forest"] = Field(description="Which of the sections below is fitted.")
    seed: int = Field(ge=0, description="Where chance starts: the same seed gives the same model.")
    folds: int = Field(ge=2, description="Parts of the cross-validation.")
    linear: Linear
    boosting: Boosting
    forest: Forest
    search: Search


class Evaluate(Section):
    """How the test part is looked at."""

    threshold: Share = Field(description="A binary model says yes from this probability on.")
    importance_rows: Count = Field(description="Rows on which permutation importance is measured.")
    min_slice: Count = Field(description="Slices of fewer rows are left out: too few to say anything.")


class Export(Section):
    """How equal the exported model must be."""

    probability_tolerance: float = Field(gt=0, description="Largest absolute difference of a probability.")
    number_tolerance: float = Field(gt=0, description="Largest relative difference of a predicted number.")
    golden_rows: Count = Field(description="Test rows that travel with the model, with its answers.")


class Gates(Section):
    """What a model must keep to be accepted; null switches a gate off."""

    floor: float | None = Field(description="The primary metric is at least this.")
    regression: float | None = Field(
        ge=0, description="The primary metric is not below the champion's by more than this, beyond noise."
    )
    slice_floor: float | None = Field(description="The primary metric of no slice is below this, beyond noise.")
    validation: Literal[True] | None = Field(description="The data kept the contract.")
    parity: Literal[True] | None = Field(description="The exported model answers as the trained one, see export.")
    latency_ms: float | None = Field(gt=0, description="Milliseconds for one row in process, the median.")
    size_mb: float | None = Field(gt=0, description="Megabytes of the exported model.")


class Review(Section):
    """How candidate and champion are compared, and what decides."""

    resamples: int = Field(ge=100, description="Draws of the test rows behind each interval.")
    seed: int = Field(ge=0, description="Where chance starts: the same seed gives the same intervals.")
    gates: Gates


class Image(Section):
    """The scoring image."""

    repository: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.:_/-]*$",
        description="Where it is pushed, as registry/owner/name; IMAGE_REPOSITORY in the environment comes before it.",
    )
    base: str = Field(
        min_length=1,
        description="Debian or Ubuntu with Python, pinned by its digest (`image base` renews it).",
    )


class Monitor(Section):
    """When the data has drifted from under the model."""

    psi: float = Field(gt=0, description="Largest population stability index of a column; 0.1 is a little, 0.25 a lot.")


class Params(Document):
    """How a run is done: every knob, in one section per stage."""

    ingest: Ingest
    split: Split
    train: Train
    evaluate: Evaluate
    export: Export
    review: Review
    image: Image
    monitor: Monitor
