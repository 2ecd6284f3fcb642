"""Runs the command: python -m <package>.registry."""

from .command import main

main()
