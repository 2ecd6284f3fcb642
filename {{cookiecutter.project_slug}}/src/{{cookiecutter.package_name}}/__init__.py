"""The project's package: one module per pipeline stage, and what runs outside the pipeline in packages of its own."""
