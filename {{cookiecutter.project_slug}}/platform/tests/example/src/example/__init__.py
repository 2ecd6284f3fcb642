"""The package of a small project."""
