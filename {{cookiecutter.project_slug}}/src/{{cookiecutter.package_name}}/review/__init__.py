"""Compares a model with the champion on the same rows, decides, and says why on two pages."""
