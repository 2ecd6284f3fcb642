"""Runs the command: python -m <package>.adopt."""

from .command import main

main()
