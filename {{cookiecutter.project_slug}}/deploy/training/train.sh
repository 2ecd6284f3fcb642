#!/bin/sh
# What the workflow `train` does, on any machine: trains the commit that is checked out, and writes back to BRANCH.
set -eu
export CI=true GITHUB_REF_NAME="$BRANCH"
make setup
make pull-store
make ingest
make pipeline
status=0
make review || status=$? # a refused model is written back as well: the pull request shows why
make write-back
exit $status
