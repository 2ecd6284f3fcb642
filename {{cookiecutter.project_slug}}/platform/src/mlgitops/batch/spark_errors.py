"""Errors of Spark in one line: its messages hold the traces of two languages."""

import re

CAUSE = re.compile(r"^(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception): .*", re.MULTILINE)  # the last one is of the worker
CONDITIONS = {  # of Spark, which has a name for each
    "JAVA_GATEWAY_EXITED": "Spark needs Java 17 or later: install it, or set SPARK_REMOTE to a server of Spark Connect",
    "PARQUET_TYPE_ILLEGAL": "it reads no times of nanoseconds: write the Parquet file with microseconds",
    "PYTHON_VERSION_MISMATCH": "its workers have another version of Python: give them the same one",
}


def message(error: Exception) -> str:
    """Return what is wrong in one line; "" if *error* is not of Spark."""
    if not any(kind.__module__.partition(".")[0] in ("py4j", "pyspark") for kind in type(error).__mro__):
        return ""
    text = str(error)
    for condition, hint in CONDITIONS.items():
        if condition in (getattr(error, "getCondition", str)() or "", *re.findall(r"\[([A-Z_]+)[.\]]", text)):
            return hint
    causes = CAUSE.findall(text)
    return str(causes[-1] if causes else text.strip().partition("\n")[0])[:500]
