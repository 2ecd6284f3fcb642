"""Scores whole tables with the answers of the service."""
