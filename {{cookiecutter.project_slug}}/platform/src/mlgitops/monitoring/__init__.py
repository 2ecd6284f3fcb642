"""Monitors production: drift of recent rows against the rows that the model was evaluated on."""
