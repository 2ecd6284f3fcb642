"""params.yaml: the settings of a run, one section per stage."""

import codecs
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..common.document import Document, Section

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Cost = Annotated[float, Field(gt=0)]
Mistake = Literal["false_positive", "false_negative"]
Days = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}d$")]  # such as 60d
Threshold = Share | Literal["f1", "youden"] | Annotated[dict[Mistake, Cost], Field(min_length=2)]
Choices = Annotated[list[bool | int | float | str | None], Field(min_length=2)]
Method = Literal["sigmoid", "isotonic"]
CHARACTERS = {"tab": "\t", "space": " "}  # names of separators that are hard to read in a file


def _codec(name: str) -> str:
    try:
        "".encode(name)  # hex and zip are codecs, and not of text
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(f"{name!r} is not an encoding that Python knows, such as utf-8 or cp1250") from error


def _character(value: object) -> object:
    character = CHARACTERS.get(value, value) if isinstance(value, str) else value
    if not isinstance(character, str) or len(character) != 1 or character in '"\r\n':
        raise ValueError(f"{value!r} is not a separator: use one character, such as ';', or tab or space")
    return character


class Ingest(Section):
    """Where the table comes from, and how it is read where the guess is wrong."""

    source: str = Field(
        min_length=1,
        description="A table (a file, a folder of Parquet files, or an address), a query (.sql), a reference to a "
        "Delta or Iceberg table (.delta, .iceberg), or a Python file with load().",
    )
    encoding: Annotated[str, AfterValidator(_codec)] | None = Field(
        None, description="Encoding of a text table, such as cp1250. Detected by default."
    )
    separator: Annotated[str, BeforeValidator(_character, json_schema_input_type=str)] | None = Field(
        None, description="Character between the values of a text table, also `tab` or `space`. Detected by default."
    )
    header: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="Line of a text table, or row of a sheet, that names the columns; 0 if none does. By default the "
        "first one that is not empty.",
    )
    quoting: Literal["checked", "trusted", "escaped", "none"] = Field(
        "checked",
        description="Double quotes in a text table: `checked` refuses a value that looks like swallowed rows, "
        "`trusted` accepts every quoted value, `escaped` takes a quote after a backslash as part of the value, as "
        "Spark writes it, and with `none` a quote is a character like any other.",
    )
    table: str | None = Field(
        None, description="Name of the sheet of a workbook, the table of a database file, or the file in an archive."
    )


class Split(Section):
    """How rows are held out."""

    test: Share | Days = Field(
        description="What is held out for evaluation: a share of the rows, or the newest days, such as `60d`, if the "
        "contract has a `time`."
    )


class Train(Section):
    """How the model is cross-validated."""

    folds: int = Field(ge=2, description="Number of folds of the cross-validation.")
    random_state: int = Field(ge=0, description="Random seed of the folds and of permutation importance.")
    calibration: Method | None = Field(
        None,
        description="How probabilities are calibrated on the cross-validated predictions: `sigmoid` (needs few rows) "
        "or `isotonic` (any monotonic curve, for a thousand rows and more); null leaves them as they are.",
    )
    window: Days | None = Field(
        None,
        description="Length of time before the test part that is learned from, such as `365d`; null learns from all "
        "rows of the train part. The contract must have a `time`.",
    )
    refit: bool = Field(
        False,
        description="Whether the exported model is fitted again, on the test part too, with the settings, the "
        "calibration and the interval of the one that was evaluated, which the review compares.",
    )


def _no_trials(value: int) -> int:
    if value:
        raise ValueError(
            "the pipeline no longer searches: write 0 or remove this line, and run "
            f"`make tune TRIALS={value}`, which proposes the best settings for the section model"
        )
    return value


class Tune(Section):
    """The search of `make tune`, which proposes the best settings for the section `model`; the pipeline has no part."""

    trials: Annotated[int, Field(ge=0), AfterValidator(_no_trials)] = Field(
        0, description="Only 0, the value of earlier versions: the budget is `make tune TRIALS=` or `MINUTES=`."
    )
    space: dict[str, Choices | dict[str, Choices]] = Field(
        {},
        description="The values of each setting: two numbers are the lowest and the highest one (integers stay "
        "integers), any other list is a choice. By algorithm, or, without algorithms, for the one in `model`.",
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
    background_rows: int = Field(
        0,
        ge=0,
        le=1000,
        description="Number of rows of the train part exported with the model, from which the reasons for predictions "
        "are computed; 0 exports none, and the model then gives no reasons.",
    )


class Gates(Section):
    """Conditions for accepting a model; null switches a gate off."""

    min_score: float | None = Field(description="Smallest primary metric.")
    max_drop: float | None = Field(
        ge=0,
        description="Largest drop of the primary metric against the champion, beyond noise: that of as many test rows "
        "as the champion had, so that fewer rows excuse no larger drop.",
    )
    max_recent_drop: float | None = Field(
        None,
        ge=0,
        description="Largest drop of the primary metric against the champion on the newest rows (`review.recent`), "
        "beyond their noise. It decides with at least `monitor.min_rows` rows, beside `max_drop`.",
    )
    min_slice_score: float | None = Field(description="Smallest primary metric of any slice, beyond noise.")
    validation: Literal[True] | None = Field(description="The data passed validation.")
    leakage: Literal[True] | None = Field(
        True, description="No columns almost determine the target, except `acknowledged_leaks` of the contract."
    )
    min_class_rows: Count | None = Field(
        5, description="Fewest test rows of a class; with fewer, the model is accepted as unproven only."
    )
    behaviour: Literal[True] | None = Field(
        True, description="The statements of the contract's section `behaviour` hold on the test rows."
    )
    parity: Literal[True] | None = Field(
        description="The exported model matches the trained one, within the tolerance of export."
    )
    max_latency_ms: float | None = Field(
        gt=0, description="Largest processor time of one row, in milliseconds: the best of several measurements."
    )
    max_size_mb: float | None = Field(gt=0, description="Largest size of the exported model, in megabytes.")
    min_test_rows: float | None = Field(
        0.5, ge=0, le=1, description="Smallest number of test rows, as a share of those of the champion."
    )
    max_psi: float | None = Field(
        None,
        gt=0,
        description="Largest population stability index (PSI) of a column between the data of the champion and that of "
        "the candidate, in the train and in the test part. Off by default: newer rows always differ.",
    )


class Review(Section):
    """How the candidate is compared with the champion, and which gates decide."""

    resamples: int = Field(ge=100, description="Bootstrap samples of the test rows behind each interval.")
    random_state: int = Field(ge=0, description="Random seed of the bootstrap.")
    recent: Count | Days | None = Field(
        None,
        description="The newest rows on which both models are compared besides: a number of rows, or days such as 28d. "
        "They are rows of production if its log has all inputs and outcomes are known, else of the test part.",
    )
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
    """How production is watched, and what raises an alarm."""

    max_psi: float = Field(
        gt=0,
        description="Largest population stability index (PSI) of a column; 0.1 is a small shift, 0.25 a large one.",
    )
    max_refused: float = Field(0.05, ge=0, le=1, description="Largest share of recent rows that break the contract.")
    max_unseen: float = Field(
        0.1, ge=0, le=1, description="Largest share of recent rows with a category that no reference row has."
    )
    drift_alarm: bool = Field(
        False,
        description="Whether drift alone is an alarm. Off by default: seasons drift, and the model may be as good.",
    )
    predictions: str = Field(
        ".store/predictions", min_length=1, description="Where predictions are kept: a folder, s3://… or gs://…."
    )
    keep_days: int | None = Field(365, ge=1, description="Days after which predictions are removed; null keeps all.")
    period_days: int = Field(7, ge=1, description="Length of a period in which the performance is measured.")
    label_delay_days: int = Field(
        0, ge=0, description="Days until outcomes are known; younger periods are shown, but do not decide."
    )
    outcomes: Literal["first", "last"] = Field(
        "last", description="Which outcome counts if several are given for one prediction."
    )
    min_rows: Count = Field(200, description="Smallest number of predictions with outcomes for a period to decide.")
    max_drop: float = Field(
        0.02, ge=0, description="Largest drop of the primary metric below the evaluation of the model, beyond noise."
    )
    periods: Count = Field(3, description="Number of latest periods that decide about an alarm.")
    worse_periods: Count = Field(2, description="Number of these periods with a larger drop that is an alarm.")
    roll_back_days: Count | None = Field(
        None,
        description="An alarm in so many days after a deployment also opens the pull request that rolls it back; null "
        "leaves this choice to whoever reads the issue.",
    )


class Retrain(Section):
    """When new data of the weekly run is worth a training: without both, any change is. An alarm always trains."""

    rows: int | None = Field(None, ge=1, description="Smallest number of new rows that is worth a training.")
    days: int | None = Field(
        None, ge=1, description="Age in days of the released model after which any change is worth a training."
    )


class Params(Document):
    """Settings of a run, one section per stage; the section `model` is passed to build() in model.py."""

    ingest: Ingest
    split: Split
    model: dict[str, Any] = Field(description="Keyword arguments of `build()` in `src/<package>/model.py`.")
    train: Train
    tune: Tune = Field(Tune(), description="The search of `make tune`.")
    evaluate: Evaluate
    export: Export
    review: Review
    image: Image
    monitor: Monitor
    retrain: Retrain = Field(Retrain(), description="When new data of the weekly run is worth a training.")

    def of_model(self) -> dict[str, Any]:
        """Return the sections that a model follows from, for its record."""
        return self.model_dump(mode="json", exclude={"review", "image", "monitor", "retrain", "tune"})
