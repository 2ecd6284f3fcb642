"""Replaces the demo with your own table."""
