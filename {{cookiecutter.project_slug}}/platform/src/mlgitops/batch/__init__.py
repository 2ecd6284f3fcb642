"""Batch scoring of tables; the predictions equal those of the service."""
