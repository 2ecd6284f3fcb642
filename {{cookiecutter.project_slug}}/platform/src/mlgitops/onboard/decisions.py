"""What adoption decides about the split and the threshold, and how it says what it decided."""

from collections.abc import Iterator
from math import ceil

import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Params, Threshold
from ..data import frame
from ..model import metrics
from ..model.decision import describe
from ..model.leaks import Leak
from .choose import Choice
from .draft import ContractDraft

SMALL_TABLE = 2000  # rows; in a larger one, a rare class does not decide how much is held out
MAX_TEST_SHARE, STEP = 0.4, 0.05
USUAL_SHARE = 0.2
RARE = 0.2  # positive rate below which f1, the aim for rare classes, decides the threshold


def test_share(drafted: ContractDraft, params: Params) -> float:
    """Return the share of rows to hold out: more in a small table, if a class would else have too few test rows.

    Adds a remark on this, and on the classes that still have too few.
    """
    share = USUAL_SHARE if isinstance(params.split.test, str) else params.split.test  # days are those of another table
    least = params.review.gates.min_class_rows or 0
    counts = drafted.classes
    if not counts or min(counts.values()) * share >= least:
        return share
    if sum(counts.values()) < SMALL_TABLE and "time" not in drafted.contract:
        needed = ceil(least / min(counts.values()) / STEP - 1e-9) * STEP
        larger = round(max(share, min(MAX_TEST_SHARE, needed)), 2)
        if larger > share:
            drafted.remarks.append(
                f"{larger:.0%} of the rows are the test part, not {share:.0%}, because a class is small (split.test)"
            )
        share = larger
    few = {name: count for name, count in counts.items() if count * share < least}
    if few:
        named = ", ".join(f"{name} ({count} rows)" for name, count in few.items())
        drafted.remarks.append(
            f"rare classes: {named}: with fewer than {least} test rows of a class, the review can only call a model "
            "unproven; merge classes, add rows, or change review.gates.min_class_rows"
        )
    return share


def aim_of(contract: Contract, rows: pd.DataFrame) -> Threshold:
    """Return what the threshold of a binary model should achieve."""
    if contract.task != "binary":
        return 0.5
    return "f1" if float(frame.target(rows, contract).mean()) < RARE else "youden"


def leak_remark(leak: Leak, contract: Contract) -> str:
    """Return the remark on a leak: what the columns do, and what to do about them."""
    names = ",".join(leak.columns)
    return (
        f"leak: {leak.explain(contract.target, metrics.PRIMARY[contract.task])}: the review refuses a model on this; "
        f"leave them out with IGNORE='{names}', or list them in acknowledged_leaks of contract.yaml if they are known "
        "when a prediction is made"
    )


def decisions(contract: Contract, drafted: ContractDraft, choice: Choice, aim: Threshold) -> Iterator[str]:
    """Yield the decisions that no line of the contract shows."""
    if remark := drafted.rows.explain(contract.target):
        yield remark
    if choice.threshold is not None:
        yield f"threshold: {choice.threshold:.3g}, {describe(aim)} on cross-validated predictions (evaluate.threshold)"


def summary(contract: Contract, drafted: ContractDraft) -> Iterator[str]:
    """Yield the lines that say what was decided."""
    yield f"\n{contract.task}: predicts {contract.target} from {len(contract.inputs)} columns"
    if contract.classes:
        positive = f" (positive: {contract.classes[-1]})" if len(contract.classes) == 2 else ""
        yield f"  classes: {', '.join(contract.classes)}{positive}"
    for name, column in contract.columns.items():
        if column.ignore:
            yield f"  left out: {name}: {column.ignore}"
    yield f"  key: {', '.join(contract.key) or 'none: the split uses the content of a row'}"
    yield f"  time: {contract.time or 'none'}"
    yield f"  group: {contract.group or 'none'}"
    yield from (f"  {decision}" for decision in drafted.decisions)
