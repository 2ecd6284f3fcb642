"""Training, evaluation and export of the model; predictions of the exported model."""
