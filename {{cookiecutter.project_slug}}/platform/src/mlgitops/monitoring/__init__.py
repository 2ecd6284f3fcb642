"""Compares what production sees with the rows that the model was evaluated on."""
