"""What spark-submit starts in the project, whose contract.yaml it reads: SOURCE and FOLDER follow."""

import sys

from mlgitops.cli import main

main(["validate-spark", *sys.argv[1:]])
