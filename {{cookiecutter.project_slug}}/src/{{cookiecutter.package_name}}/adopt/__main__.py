"""Runs the command: python -m <package>.adopt."""

from . import main

main()
