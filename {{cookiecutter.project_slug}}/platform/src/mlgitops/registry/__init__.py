"""The versions of the registered model."""
