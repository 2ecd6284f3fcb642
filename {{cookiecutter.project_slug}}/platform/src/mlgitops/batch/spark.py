"""Batch scoring with Spark: its workers run the code of this machine on the parts of a table.

The code and the model travel with the job, so that a cluster needs packages alone, and a server of Spark Connect too.
A run writes a folder of its own, or one append to a table: if it fails, what was there before has not changed.
"""

import copy
from typing import TYPE_CHECKING

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..model.scorer import Scorer
from ..serving.rows import missing_columns
from .answers import EXAMPLES, Count
from .spark_session import errors, mapped, read, send_code, session, table_name
from .spark_worker import answering, packed
from .stamp import MADE, Stamp, added, check_free
from .targets import RUN, TABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

TYPES = {pa.string(): "string", pa.float64(): "double", pa.bool_(): "boolean", MADE: "timestamp"}


def run(source: str, target: str, scorer: Scorer, stamp: Stamp) -> Count:
    """Write the table *source* with predictions to *target*; return the numbers of the whole run.

    A run that has ended does nothing. Raises ProjectError if the rows cannot be scored or written.
    """
    if not RUN.fullmatch(stamp.run):
        raise ProjectError(f"run {stamp.run!r}: write a name of letters, digits, dots, - and _ for Spark")
    with errors(f"scoring {source} with Spark", f"; {target} is as it was"):
        spark = session()
        if (before := _written(spark, target, stamp)) is None:
            _write(answered(spark, read(spark, source), scorer, stamp, source), target, stamp)
            before = _written(spark, target, stamp)
        if before is None:
            raise ProjectError(f"{target}: Spark has reported success, and there is no complete run {stamp.run}")
        return _count(before)


def answered(
    spark: "SparkSession", rows: "DataFrame", scorer: Scorer, stamp: Stamp, source: str = "the table"
) -> "DataFrame":
    """Return *rows* with the columns that scoring adds; Spark computes them when they are read or written.

    Raises ProjectError if a column is missing or would be overwritten.
    """
    if missing := missing_columns(scorer.contract, rows.columns):
        raise ProjectError(f"{source}: missing columns that the model needs: {', '.join(missing)}")
    new = added(scorer.contract, stamp)
    check_free(map(str.lower, rows.columns), map(str.lower, new.names), source)  # Spark ignores the case of a name
    send_code(spark)
    return mapped(rows, answering(packed(scorer.folder), stamp), _schema(rows, scorer.contract, stamp))


def _schema(rows: "DataFrame", contract: Contract, stamp: Stamp) -> "StructType":
    schema = copy.deepcopy(rows.schema)
    for field in added(contract, stamp):
        schema.add(field.name, TYPES[field.type])
    return schema


def _write(scored: "DataFrame", target: str, stamp: Stamp) -> None:
    if target.startswith(TABLE):
        scored.write.mode("append").saveAsTable(table_name(target))
    else:  # the folder holds nothing, or what a run that was stopped has left
        scored.drop("run").write.mode("overwrite").parquet(_folder(target, stamp))


def _folder(target: str, stamp: Stamp) -> str:
    return f"{target.rstrip('/')}/run={stamp.run}"


def _written(spark: "SparkSession", target: str, stamp: Stamp) -> "DataFrame | None":
    """Return the rows of a run that has ended; None if it has not."""
    from pyspark.errors import AnalysisException

    if target.startswith(TABLE):
        name = table_name(target)
        rows = spark.table(name).where(f"run = '{stamp.run}'") if spark.catalog.tableExists(name) else None
        return None if rows is None or rows.isEmpty() else rows
    try:
        spark.read.text(f"{_folder(target, stamp)}/_SUCCESS").count()  # the last file that a job writes
    except AnalysisException:
        return None
    return spark.read.parquet(_folder(target, stamp))


def _count(rows: "DataFrame") -> Count:
    total, refused = rows.selectExpr("count(*)", "count(error)").collect()[0]
    reasons = rows.where("error is not null").select("error").limit(EXAMPLES).collect() if refused else []
    return Count(total, refused, [reason for (reason,) in reasons])
