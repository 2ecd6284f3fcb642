#!/bin/sh
# What the workflow `score` does, on any machine: scores DATA with the champion, writes OUT, and reports a failure.
set -eu
export CI=true
make setup
if make pull-store && make score; then exit; fi
WORKFLOW=score make report-failure
exit 1
