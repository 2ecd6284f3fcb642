"""Makes the scoring image of a version, and says in git which one runs where."""
