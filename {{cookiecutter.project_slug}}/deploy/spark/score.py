"""What spark-submit, Databricks and Azure ML start: SOURCE TARGET and the options of `score` follow."""

import sys

from mlgitops.cli import main

main(["score", "--engine", "spark", *sys.argv[1:]])
