"""Rows of production with their outcomes: what the service was asked, if its log has all inputs, and what came true."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa

from ..contract.contract import Contract
from ..data import frame
from .log_reader import FACTS, INPUT, Header
from .outcomes import OutcomeCounts, Outcomes, join
from .place import Place

CLASSES = b"mlgitops.classes"  # the metadata of kept outcomes: what the indices in `actual` mean


def keep(place: Place, known: Outcomes, contract: Contract) -> None:
    """Keep outcomes beside the predictions, so that other commands need no access to their source."""
    table = pa.Table.from_pandas(known.table, preserve_index=False)
    place.write_outcomes(table.replace_schema_metadata({CLASSES: json.dumps(list(contract.classes)).encode()}))


def kept(place: Place, contract: Contract) -> Outcomes | None:
    """Return the kept outcomes; None without any, or if the target had other classes."""
    table = place.outcomes()
    if table is None or (table.schema.metadata or {}).get(CLASSES) != json.dumps(list(contract.classes)).encode():
        return None
    return Outcomes("id" if "id" in table.column_names else "key", table.to_pandas(), OutcomeCounts())


def logged(place: Place, contract: Contract) -> pd.DataFrame:
    """Return the answered rows of the log that has all inputs of *contract*, typed, in the order of time.

    The columns of the log are `log.id`, `log.key`, `log.at`, `log.version`, `log.threshold` and the prediction. A row
    is left out if its log lacks one of the inputs, or has other classes, as that of another contract may.
    """
    names, frames = [INPUT + name for name in contract.inputs], []
    for table in place.tables():
        header = Header.model_validate_json(table.schema.metadata[FACTS])
        if header.classes == contract.classes and set(names) <= set(table.column_names):
            frames.append(table.to_pandas().assign(version=header.version, threshold=header.threshold))
    if not frames:
        return pd.DataFrame()
    rows = pd.concat(frames, ignore_index=True).sort_values("at", kind="stable")
    rows = rows[rows["refused"].isna()].drop_duplicates("id", keep="last").reset_index(drop=True)
    inputs = frame.parse(rows[names].set_axis(list(contract.inputs), axis=1), contract)
    others = [name for name in rows if not name.startswith(INPUT)]
    return pd.concat([rows[others].add_prefix("log."), inputs], axis=1)


def labelled(place: Place, contract: Contract) -> pd.DataFrame:
    """Return the rows of `logged` whose outcome is known, with the target; empty if there are none."""
    known, rows = kept(place, contract), logged(place, contract)
    if known is None or not len(rows):
        return pd.DataFrame()
    joined, _ = join(rows[["log.id", "log.key"]].rename(columns={"log.id": "id", "log.key": "key"}), known)
    present = joined["actual"].notna().to_numpy()
    return rows[present].reset_index(drop=True).assign(**{contract.target: target(joined[present]["actual"], contract)})


def target(actual: pd.Series, contract: Contract) -> pd.Series:
    """Return indices of classes, or numbers, as typed values of the target."""
    if not contract.classes:
        return actual.astype("float64").reset_index(drop=True)
    labels = np.array(contract.classes, dtype=object)[actual.to_numpy().astype(int)]
    return frame.parse(pd.DataFrame({contract.target: pd.Series(labels, dtype="string")}), contract)[contract.target]
