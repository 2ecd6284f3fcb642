"""Puts your own table in the place of the demo's: contract, data and settings, without a line of code."""
