"""Keeps the approved models in MLflow: versions, promotions, and models that were trained elsewhere."""
