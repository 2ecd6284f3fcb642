"""The project's package: one module per pipeline stage, plus the few that run outside the pipeline."""
