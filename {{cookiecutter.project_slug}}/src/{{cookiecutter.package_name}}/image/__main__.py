"""Runs the command: python -m <package>.image."""

from .command import main

main()
