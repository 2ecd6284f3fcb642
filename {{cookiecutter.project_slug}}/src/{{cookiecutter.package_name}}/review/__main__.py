"""Runs the command: python -m <package>.review."""

from .command import main

main()
