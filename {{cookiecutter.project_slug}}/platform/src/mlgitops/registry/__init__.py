"""The model registry: versions, promotions, imported models."""
