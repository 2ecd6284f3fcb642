"""Replaces the demo by a table of the user's own."""
