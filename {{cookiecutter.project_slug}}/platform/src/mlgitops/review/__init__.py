"""Compares a candidate with the champion, and decides by gates."""
